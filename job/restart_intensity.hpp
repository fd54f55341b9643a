#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace handoff {

/// How often a child may die before its supervisor gives up on it, as in
/// Erlang/OTP's `supervisor`: more than `max_restarts` deaths within `within`.
struct restart_limits {
  std::size_t max_restarts = 5;
  std::chrono::milliseconds within{10'000};
};

/// Remembers the deaths of one child.
class restart_intensity {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit restart_intensity(restart_limits limits) : limits_{limits} {}

  /// Records a death. True if the child may be started once more.
  bool record(time_point now);

  /// How long to wait before starting it: 50 ms after the first death within
  /// the window, then twice as long each time, but never so long that the
  /// deaths would spread out beyond the window and go on for ever.
  std::chrono::milliseconds delay() const;

private:
  restart_limits limits_;
  std::vector<time_point> deaths_; ///< empty takes no memory, unlike a deque
};

} // namespace handoff
