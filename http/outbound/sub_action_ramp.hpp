#pragma once

#include <chrono>
#include <cstddef>

namespace handoff {

/// How many calls of sub-actions a host gets at once, below what its limits
/// allow: as many as it answers as fast as before. Thousands of them would
/// crowd out the answers to clones, whose senders wait, there and here; and
/// what comes later finds connections to use again.
///
/// It begins with `first`. At the end of each `window` in which more wanted to
/// begin, half as many are added if calls took about as long as in the fastest
/// window; if they took more than twice as long, a quarter goes. What was not
/// used is halved. "Fastest" follows what is usual, by 1/32 a window.
///
/// Pure: time comes from outside and must not go backwards. Not thread-safe.
class sub_action_ramp {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::duration<double>;

  static constexpr std::size_t first = 256;
  static constexpr std::chrono::milliseconds window{250};

  /// How many may be in flight at `now`, when `in_flight` are.
  std::size_t max(time_point now, std::size_t in_flight);

  /// One waits that may begin but for this.
  void held_back() noexcept { was_full_ = true; }

  /// One was answered after it had its turn for that long.
  void answered(duration took) noexcept;

  /// When `max` may next be more.
  time_point next() const noexcept { return window_end_; }

private:
  void end_window();

  std::size_t max_ = first;
  time_point window_end_;
  std::size_t most_ = 0;    ///< in flight in this window
  bool was_full_ = false;   ///< in it
  std::size_t answers_ = 0; ///< of it
  duration sum_{0};         ///< what these took
  duration fastest_{0};     ///< the mean of a window; 0: none is known
};

} // namespace handoff
