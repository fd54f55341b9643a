#include "http/ingress/side_thread.hpp"

#include <exception>
#include <pthread.h>
#include <utility>

namespace handoff {

side_thread::side_thread(std::size_t tasks_max, std::size_t bytes_max)
    : tasks_max_{tasks_max}, bytes_max_{bytes_max}, thread_{[this] {
        run();
      }} {
  ::pthread_setname_np(thread_.native_handle(), "ingress");
}

side_thread::~side_thread() {
  std::deque<item> dropped;
  {
    const std::scoped_lock lock{mutex_};
    ending_ = true;
    dropped.swap(waiting_);
  }
  changed_.notify_one();
  dropped.clear();
  thread_.join();
}

bool side_thread::post(std::size_t bytes, std::function<void()> task) {
  {
    const std::scoped_lock lock{mutex_};
    if (ending_ || waiting_.size() >= tasks_max_ || bytes > bytes_max_ - bytes_)
      return false;
    bytes_ += bytes;
    waiting_.push_back({bytes, std::move(task)});
  }
  changed_.notify_one();
  return true;
}

void side_thread::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_)
      return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      next.task();
    } catch (const std::exception&) {
      // What the task holds says that it has not been done.
    }
    next.task = nullptr; // may end a request, so without the lock
    lock.lock();
    bytes_ -= next.bytes;
  }
}

} // namespace handoff
