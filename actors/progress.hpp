#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace handoff {

/// Something that has been under way for long.
struct hang {
  /// As an operator would say it: "a commit of the journal".
  std::string what;
  std::chrono::milliseconds under_way{0};
};

/// What one thread is in the middle of, and since when. Written by that thread
/// alone; read by others, none of which waits.
class activity {
public:
  using clock = std::chrono::steady_clock;

  /// A stretch of work from here to the end of the scope. One may stand within
  /// another, which it must not outlive, and is what counts while it lasts.
  class turn {
  public:
    /// `what` has to live as long as the activity. Null: nothing is noted.
    turn(activity* of, const char* what);
    ~turn();

    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    activity* of_;
    const char* what_before_ = nullptr;
    std::int64_t began_before_ = 0;
  };

  /// What is under way now; nothing while the thread waits for work.
  std::optional<hang> under_way(clock::time_point now) const;

private:
  std::atomic<const char*> what_{nullptr};
  /// By the clock, in nanoseconds; 0: nothing is under way.
  std::atomic<std::int64_t> began_{0};
};

/// The activities of the threads whose work nothing can go on without.
/// Thread-safe.
class progress {
public:
  /// More than this under way is a hang: the service is not ready.
  static constexpr std::chrono::milliseconds patience{2'000};

  /// One more thread. It is kept until the end of this object.
  activity& add();

  /// What has been under way for longest, if that is longer than `least`.
  std::optional<hang> longest(std::chrono::milliseconds least = patience) const;

private:
  mutable std::mutex mutex_;
  std::deque<activity> activities_; // each stays where it is
};

/// Access to `target` within a turn: the turn lasts as long as this.
template <class T>
class within_turn {
public:
  within_turn(activity* of, const char* what, T& target)
      : turn_{of, what}, target_{target} {}

  T* operator->() const { return &target_; }

private:
  activity::turn turn_;
  T& target_;
};

} // namespace handoff
