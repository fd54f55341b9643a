#include "actors/run_queue.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace handoff::test {
namespace {

class idle_job : public caf::resumable {
public:
  resume_result resume(caf::execution_unit*, std::size_t) override {
    return done;
  }

  void intrusive_ptr_add_ref_impl() override {}

  void intrusive_ptr_release_impl() override {}
};

class RunQueueTest : public ::testing::Test {
protected:
  /// A thread that takes one job and no more.
  std::thread taker() {
    return std::thread{[this] {
      queue.join();
      taken = queue.pop();
    }};
  }

  /// Ends with the test's own time limit where it never comes true.
  void wait_until_asleep(std::size_t threads) {
    while (queue.count().asleep < threads)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }

  void push(std::size_t count) {
    for (std::size_t at = 0; at < count; ++at)
      queue.push(&jobs.at(at));
  }

  std::array<idle_job, run_queue::backlog + 1> jobs;
  run_queue queue;
  std::atomic<caf::resumable*> taken = nullptr;
};

TEST_F(RunQueueTest, GivesFirstWhatCameFirst) {
  queue.join();
  push(3);
  EXPECT_EQ(queue.pop(), &jobs[0]);
  EXPECT_EQ(queue.pop(), &jobs[1]);
  EXPECT_EQ(queue.try_pop(), &jobs[2]);
  EXPECT_EQ(queue.try_pop(), nullptr);
}

TEST_F(RunQueueTest, WakesAThreadWhenNoneIsAwake) {
  auto other = taker();
  wait_until_asleep(1);
  push(1);
  other.join();
  EXPECT_EQ(taken, &jobs[0]);
  EXPECT_EQ(queue.count().woken, 1u);
}

TEST_F(RunQueueTest, WakesAnotherOnlyForMoreThanABacklog) {
  auto other = taker();
  wait_until_asleep(1);
  queue.join();
  push(run_queue::backlog);
  EXPECT_EQ(queue.count().woken, 0u) << "this thread is about to look";
  EXPECT_EQ(queue.count().asleep, 1u);
  queue.push(&jobs.back());
  other.join();
  EXPECT_EQ(taken, &jobs[0]);
  EXPECT_EQ(queue.count().woken, 1u);
}

TEST_F(RunQueueTest, EndsAllWhoWaitWhenItIsClosed) {
  auto other = taker();
  auto another = taker();
  wait_until_asleep(2);
  queue.close();
  other.join();
  another.join();
  EXPECT_EQ(taken, nullptr);
}

TEST_F(RunQueueTest, GivesWhatIsLeftWhenItIsClosed) {
  queue.join();
  push(2);
  queue.close();
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_EQ(queue.try_pop(), &jobs[0]);
  queue.push(&jobs[2]);
  EXPECT_EQ(queue.try_pop(), &jobs[1]);
  EXPECT_EQ(queue.try_pop(), &jobs[2]);
  EXPECT_EQ(queue.try_pop(), nullptr);
}

TEST_F(RunQueueTest, LosesNoneBetweenManyThreads) {
  constexpr std::size_t producers = 3;
  constexpr std::size_t each = 2'000;
  std::vector<idle_job> many(producers * each);
  std::atomic<std::size_t> seen = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      queue.join();
      while (queue.pop() != nullptr)
        ++seen;
    });
  std::vector<std::thread> senders;
  for (std::size_t i = 0; i < producers; ++i)
    senders.emplace_back([&, i] {
      for (std::size_t at = 0; at < each; ++at)
        queue.push(&many[i * each + at]);
    });
  for (auto& sender : senders)
    sender.join();
  while (seen < many.size())
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  queue.close();
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(seen, many.size());
}

} // namespace
} // namespace handoff::test
