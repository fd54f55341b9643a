#include "actors/progress.hpp"

#include <utility>

namespace handoff {

activity::turn::turn(activity* of, const char* what) : of_{of} {
  if (of_ == nullptr)
    return;
  what_before_ = of_->what_.load(std::memory_order_relaxed);
  began_before_ = of_->began_.load(std::memory_order_relaxed);
  of_->what_.store(what, std::memory_order_relaxed);
  of_->began_.store(
    std::chrono::nanoseconds{clock::now().time_since_epoch()}.count(),
    std::memory_order_release);
}

activity::turn::~turn() {
  if (of_ == nullptr)
    return;
  of_->what_.store(what_before_, std::memory_order_relaxed);
  of_->began_.store(began_before_, std::memory_order_release);
}

std::optional<hang> activity::under_way(clock::time_point now) const {
  const auto began = began_.load(std::memory_order_acquire);
  const auto* const what = what_.load(std::memory_order_relaxed);
  if (began == 0 || what == nullptr)
    return std::nullopt;
  const std::chrono::nanoseconds since{began};
  return hang{what, std::chrono::duration_cast<std::chrono::milliseconds>(
                      now.time_since_epoch() - since)};
}

activity& progress::add() {
  const std::scoped_lock lock{mutex_};
  return activities_.emplace_back();
}

std::optional<hang> progress::longest(std::chrono::milliseconds least) const {
  const auto now = activity::clock::now();
  std::optional<hang> found;
  const std::scoped_lock lock{mutex_};
  for (const auto& each : activities_)
    if (auto work = each.under_way(now); work && work->under_way > least) {
      least = work->under_way;
      found = std::move(work);
    }
  return found;
}

} // namespace handoff
