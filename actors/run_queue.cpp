#include "actors/run_queue.hpp"

#include <thread>
#include <utility>

namespace handoff {

bool run_queue::is_wake_due() const {
  return threads_.asleep > 0 && !jobs_.empty()
      && (threads_.awake == 0 || jobs_.size() > backlog);
}

void run_queue::wake_one() {
  --threads_.asleep;
  ++threads_.awake;
  ++calls_;
  ++threads_.woken;
}

void run_queue::push(caf::resumable* job) {
  {
    const std::scoped_lock lock{mutex_};
    jobs_.push_back(job);
    if (!is_wake_due())
      return;
    wake_one();
  }
  // Without the lock, which the woken thread takes first of all.
  called_.notify_one();
}

caf::resumable* run_queue::pop() {
  if (auto* const job = try_pop())
    return job;
  // Whoever gets the processor now may be about to bring something.
  std::this_thread::yield();
  std::unique_lock lock{mutex_};
  while (jobs_.empty()) {
    --threads_.awake;
    ++threads_.asleep;
    called_.wait(lock, [this] { return calls_ > 0; });
    --calls_;
  }
  auto* const job = jobs_.front();
  jobs_.pop_front();
  return job;
}

caf::resumable* run_queue::try_pop() {
  const std::scoped_lock lock{mutex_};
  if (jobs_.empty())
    return nullptr;
  auto* const job = jobs_.front();
  jobs_.pop_front();
  return job;
}

void run_queue::join() {
  const std::scoped_lock lock{mutex_};
  ++threads_.awake;
}

void run_queue::leave() {
  const std::scoped_lock lock{mutex_};
  --threads_.awake;
  // Nobody was woken for what came while this one was awake.
  if (is_wake_due()) {
    wake_one();
    called_.notify_one();
  }
}

run_queue::counts run_queue::count() const {
  const std::scoped_lock lock{mutex_};
  return threads_;
}

} // namespace handoff
