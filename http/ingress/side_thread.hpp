#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace handoff {

/// A thread for work that is too long for an event loop: signatures and JSON of
/// large bodies. Takes one task after the other, in order. Thread-safe.
///
/// Its end waits for the task that runs and drops those that wait, with all
/// that they hold. What a task throws is dropped, too: whoever depends on it
/// has to notice by what the task holds.
class side_thread {
public:
  /// At most `tasks_max` tasks wait, of `bytes_max` bytes together.
  side_thread(std::size_t tasks_max, std::size_t bytes_max);
  ~side_thread();

  side_thread(const side_thread&) = delete;
  side_thread& operator=(const side_thread&) = delete;

  /// Has `task` run, which holds `bytes`. False if it would not fit into the
  /// queue: then it is dropped.
  bool post(std::size_t bytes, std::function<void()> task);

private:
  struct item {
    std::size_t bytes = 0;
    std::function<void()> task;
  };

  void run();

  const std::size_t tasks_max_;
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<item> waiting_;
  std::size_t bytes_ = 0; ///< of those that wait and the one that runs
  bool ending_ = false;
  std::thread thread_; // the last: it uses all others
};

} // namespace handoff
