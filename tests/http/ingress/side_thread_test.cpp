#include "http/ingress/side_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <vector>

namespace handoff::test {
namespace {

using ::testing::ElementsAre;

TEST(SideThreadTest, TakesOneTaskAfterTheOther) {
  side_thread worker{10, 1'000};
  std::vector<int> done;
  std::promise<void> last;
  for (int at = 0; at < 3; ++at)
    ASSERT_TRUE(worker.post(1, [&done, at] { done.push_back(at); }));
  ASSERT_TRUE(worker.post(1, [&last] { last.set_value(); }));
  last.get_future().wait();
  EXPECT_THAT(done, ElementsAre(0, 1, 2));
}

TEST(SideThreadTest, RefusesWhatDoesNotFitIntoItsQueue) {
  side_thread worker{2, 100};
  std::promise<void> begun;
  std::promise<void> go;
  const auto wait = [&, open = go.get_future().share()] {
    begun.set_value();
    open.wait();
  };
  ASSERT_TRUE(worker.post(40, wait));
  begun.get_future().wait();
  EXPECT_FALSE(worker.post(61, [] {})) << "what runs takes bytes, too";
  EXPECT_TRUE(worker.post(30, [] {}));
  EXPECT_TRUE(worker.post(30, [] {}));
  EXPECT_FALSE(worker.post(0, [] {})) << "two wait";
  go.set_value();
}

TEST(SideThreadTest, DropsWhatWaitsAtItsEnd) {
  auto held = std::make_shared<int>();
  std::weak_ptr<int> watched = held;
  std::promise<void> begun;
  std::promise<void> go;
  std::thread opener;
  {
    side_thread worker{10, 100};
    ASSERT_TRUE(worker.post(1, [&] {
      begun.set_value();
      go.get_future().wait();
    }));
    ASSERT_TRUE(worker.post(1, [kept = std::move(held)] { FAIL(); }));
    begun.get_future().wait();
    opener = std::thread{[&] {
      // Dropped before the task that runs has ended.
      while (!watched.expired())
        std::this_thread::yield();
      go.set_value();
    }};
  }
  opener.join();
  EXPECT_TRUE(watched.expired());
}

TEST(SideThreadTest, OutlivesATaskThatThrows) {
  side_thread worker{10, 100};
  std::promise<void> last;
  ASSERT_TRUE(worker.post(1, [] { throw std::runtime_error{"it"}; }));
  ASSERT_TRUE(worker.post(1, [&last] { last.set_value(); }));
  last.get_future().wait();
}

} // namespace
} // namespace handoff::test
