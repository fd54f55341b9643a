#include "actors/run_queue.hpp"

#include <thread>

namespace handoff {

bool run_queue::is_wake_due() const {
  return threads_.asleep > 0 && (threads_.awake == 0 || jobs_.size() > backlog);
}

void run_queue::push(caf::resumable* job) {
  {
    const std::scoped_lock lock{mutex_};
    jobs_.push_back(job);
    if (!is_wake_due())
      return;
    --threads_.asleep;
    ++threads_.awake;
    ++threads_.woken;
    ++calls_;
  }
  // Without the lock, which the woken thread takes first of all.
  called_.notify_one();
}

caf::resumable* run_queue::take() {
  if (jobs_.empty())
    return nullptr;
  auto* const job = jobs_.front();
  jobs_.pop_front();
  return job;
}

caf::resumable* run_queue::pop() {
  std::unique_lock lock{mutex_};
  if (jobs_.empty() && !closed_) {
    lock.unlock();
    // Whoever gets the processor now may be about to bring something.
    std::this_thread::yield();
    lock.lock();
  }
  while (jobs_.empty() && !closed_) {
    --threads_.awake;
    ++threads_.asleep;
    called_.wait(lock, [this] { return calls_ > 0 || closed_; });
    if (calls_ > 0)
      --calls_;
  }
  return closed_ ? nullptr : take();
}

caf::resumable* run_queue::try_pop() {
  const std::scoped_lock lock{mutex_};
  return take();
}

void run_queue::join() {
  const std::scoped_lock lock{mutex_};
  ++threads_.awake;
}

void run_queue::close() {
  {
    const std::scoped_lock lock{mutex_};
    closed_ = true;
  }
  called_.notify_all();
}

run_queue::counts run_queue::count() const {
  const std::scoped_lock lock{mutex_};
  return threads_;
}

} // namespace handoff
