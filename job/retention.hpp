#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

namespace handoff {

/// The time by which finished jobs and idempotency keys are forgotten. It
/// follows the wall clock, but does not believe a jump of it: a clock that is
/// set 30 days ahead would forget within a second what was to be kept for a
/// week.
///
/// After a jump ahead it goes on at the pace of a clock that nobody can set,
/// for an hour, in which the clock can be put right. After that it catches up
/// at 60 times that pace: a day's jobs are forgotten in 24 minutes. A wall
/// clock that is set back is believed at once: later is always safe.
class retention_clock {
public:
  using wall = std::chrono::system_clock::time_point;

  /// An advance of the wall clock beyond the other's that is no jump yet.
  static constexpr std::chrono::minutes tolerance{1};
  /// How long it is held back after a jump.
  static constexpr std::chrono::hours hold{1};
  /// How many times faster it goes until it has caught up.
  static constexpr int catch_up = 60;

  /// `newest` is the last time that is known from before the start, where
  /// there is one.
  explicit retention_clock(std::optional<wall> newest = {})
      : counted_{newest} {}

  struct reading {
    /// What counts now; never after the wall clock.
    wall now;
    /// How far the wall clock has jumped ahead since the last look; 0 mostly.
    /// Of the first look: how far it is ahead of what was known.
    std::chrono::milliseconds jumped{0};
  };

  /// `at` is what the wall clock says, `running` what a clock says that cannot
  /// be set (CLOCK_BOOTTIME, which counts suspended time as well).
  reading look(wall at, std::chrono::nanoseconds running);

private:
  struct sight {
    wall at;
    std::chrono::nanoseconds running;
  };

  std::optional<wall> counted_;
  std::optional<sight> last_;
  std::chrono::nanoseconds held_until_{0};
};

/// CLOCK_BOOTTIME (clock_gettime(2)).
std::chrono::nanoseconds time_since_boot();

/// A retention clock for several threads: what is forgotten and what is looked
/// up go by the same time, or a jump would have a key looked up in vain that
/// is still kept. Thread-safe.
class retained_time {
public:
  using wall = retention_clock::wall;

  struct options {
    std::function<wall()> now;
    /// A clock that nobody can set.
    std::function<std::chrono::nanoseconds()> running = time_since_boot;
    /// The newest time that is known from before the start.
    std::optional<wall> newest = {};
    /// How far the first look may be ahead of `newest` without a word: that a
    /// service was not running for a night is no jump worth telling.
    std::chrono::milliseconds keep{0};
    /// Told of a jump ahead, by the thread that saw it. May be empty.
    std::function<void(std::chrono::milliseconds ahead)> jumped = {};
  };

  explicit retained_time(options given);

  wall now();

private:
  const options options_;
  std::mutex mutex_;
  retention_clock clock_;
  bool has_looked_ = false;
};

} // namespace handoff
