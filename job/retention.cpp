#include "job/retention.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace handoff {

retention_clock::reading
retention_clock::look(wall at, std::chrono::nanoseconds running) {
  using std::chrono::duration_cast;
  using std::chrono::nanoseconds;
  using namespace std::chrono_literals;
  const auto elapsed =
    last_ ? std::max(nanoseconds{0}, running - last_->running) : nanoseconds{0};
  const auto counted = counted_.value_or(at);
  const auto expected =
    last_ ? last_->at + duration_cast<wall::duration>(elapsed) : counted;
  reading seen{at, {}};
  if (at - expected > tolerance) {
    seen.jumped = duration_cast<std::chrono::milliseconds>(at - expected);
    held_until_ = running + hold;
  }
  last_ = {at, running};
  const auto held =
    std::clamp(held_until_ - (running - elapsed), nanoseconds{0}, elapsed);
  // A year is beyond any jump, and its product below what 64 bits hold.
  const auto free = std::min<nanoseconds>(elapsed - held, 24h * 365);
  const auto step = held + free * catch_up;
  seen.now = std::min(at, counted + duration_cast<wall::duration>(step));
  counted_ = seen.now;
  return seen;
}

std::chrono::nanoseconds time_since_boot() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds{now.tv_sec}
       + std::chrono::nanoseconds{now.tv_nsec};
}

retained_time::retained_time(options given)
    : options_{std::move(given)}, clock_{options_.newest} {}

retained_time::wall retained_time::now() {
  retention_clock::reading seen;
  std::chrono::milliseconds least{1};
  {
    const std::scoped_lock lock{mutex_};
    seen = clock_.look(options_.now(), options_.running());
    if (!std::exchange(has_looked_, true))
      least = std::max(least, options_.keep);
  }
  if (seen.jumped >= least && options_.jumped)
    options_.jumped(seen.jumped);
  return seen.now;
}

} // namespace handoff
