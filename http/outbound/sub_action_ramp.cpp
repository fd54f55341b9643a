#include "http/outbound/sub_action_ramp.hpp"

#include <algorithm>

namespace handoff {

namespace {

using namespace std::chrono_literals;

/// After as many windows without a look, nothing is known of the load.
constexpr int windows_forgotten = 20;

} // namespace

std::size_t sub_action_ramp::max(time_point now, std::size_t in_flight) {
  most_ = std::max(most_, in_flight);
  if (now < window_end_)
    return max_;
  if (now - window_end_ > windows_forgotten * window)
    max_ = std::max(first, in_flight);
  else
    end_window();
  window_end_ = now + window;
  most_ = in_flight;
  was_full_ = false;
  answers_ = 0;
  sum_ = 0s;
  return max_;
}

void sub_action_ramp::answered(duration took) noexcept {
  ++answers_;
  sum_ += took;
}

void sub_action_ramp::end_window() {
  const auto mean =
    answers_ > 0 ? sum_ / static_cast<double>(answers_) : duration{0};
  if (answers_ > 0) {
    if (fastest_ == 0s || mean < fastest_)
      fastest_ = mean;
    else
      fastest_ += (mean - fastest_) / 32;
  }
  // Where calls take longer than a window, an empty one says nothing.
  const bool is_fast = answers_ > 0 ? mean <= fastest_ * 1.5 + 25ms
                                    : fastest_ == 0s || fastest_ > window;
  const bool is_slow =
    answers_ > 0 ? mean > fastest_ * 2 + 50ms : !is_fast && most_ > 0;
  if (is_slow)
    max_ = std::max(first, max_ - max_ / 4);
  else if (was_full_ && is_fast)
    max_ += max_ / 2;
  else if (most_ < max_ / 2)
    max_ = std::max(first, max_ / 2);
}

} // namespace handoff
