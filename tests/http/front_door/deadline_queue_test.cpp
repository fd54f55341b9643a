#include "http/front_door/deadline_queue.hpp"

#include <gmock/gmock.h>

namespace handoff {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr deadline_queue::time_point start{};

TEST(DeadlineQueueTest, GivesTheDueOnesEarliestFirst) {
  deadline_queue queue;
  queue.set(1, start + milliseconds(30));
  queue.set(2, start + milliseconds(10));
  queue.set(3, start + milliseconds(20));
  EXPECT_EQ(queue.earliest(), start + milliseconds(10));
  EXPECT_THAT(queue.take_due(start + milliseconds(9)), IsEmpty());
  EXPECT_THAT(queue.take_due(start + milliseconds(20)), ElementsAre(2, 3));
  EXPECT_EQ(queue.earliest(), start + milliseconds(30));
}

TEST(DeadlineQueueTest, KeepsTheLastTimeOfAKey) {
  deadline_queue queue;
  queue.set(1, start + milliseconds(10));
  queue.set(1, start + milliseconds(50));
  EXPECT_THAT(queue.take_due(start + milliseconds(49)), IsEmpty());
  EXPECT_THAT(queue.take_due(start + milliseconds(50)), ElementsAre(1));
  EXPECT_FALSE(queue.earliest());
}

TEST(DeadlineQueueTest, ForgetsWhatIsErased) {
  deadline_queue queue;
  queue.set(1, start);
  queue.set(2, start);
  queue.erase(1);
  queue.erase(7);
  EXPECT_THAT(queue.take_due(start), ElementsAre(2));
}

} // namespace
} // namespace handoff
