#pragma once

#include <caf/resumable.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace handoff {

/// The actors that have something to do, and the threads that wait for them:
/// first come, first served. Thread-safe.
///
/// Waking a thread costs more than what an actor does in a turn, and one that
/// is awake looks here after that anyway. So another is woken only when none is
/// awake, or more than `backlog` actors wait. Up to so many may therefore wait
/// while a thread sleeps: for the rest of the turn that is under way and for
/// the turns before theirs.
class run_queue {
public:
  static constexpr std::size_t backlog = 4;

  void push(caf::resumable* job);

  /// What comes next; waits for it. Null once the queue is closed, whatever is
  /// left in it. Only for threads that have joined.
  caf::resumable* pop();

  /// What comes next, also after `close`; null if there is nothing.
  caf::resumable* try_pop();

  /// The calling thread takes jobs from now on.
  void join();

  /// Nobody gets a job by `pop` any more.
  void close();

  struct counts {
    /// Threads that look here, or will after the turn that they give.
    std::size_t awake = 0;
    std::size_t asleep = 0;
    /// How often one was woken.
    std::size_t woken = 0;
  };

  counts count() const;

private:
  bool is_wake_due() const;
  caf::resumable* take();

  mutable std::mutex mutex_;
  std::condition_variable called_;
  std::deque<caf::resumable*> jobs_;
  counts threads_;
  /// Threads that have been woken and have not seen it yet.
  std::size_t calls_ = 0;
  bool closed_ = false;
};

} // namespace handoff
