#include "http/front_door/reply_outbox.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <thread>
#include <vector>

namespace handoff {
namespace {

bool readable(const reply_outbox& outbox) {
  pollfd wanted{outbox.descriptor(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

outbox_item item(std::uint64_t connection) {
  return {connection, 1, deadline_changed{}};
}

TEST(ReplyOutboxTest, WakesItsOwnerAndKeepsTheOrder) {
  reply_outbox outbox;
  EXPECT_FALSE(readable(outbox));
  EXPECT_TRUE(outbox.post(item(1)));
  EXPECT_TRUE(outbox.post(item(2)));
  EXPECT_TRUE(readable(outbox));
  const auto taken = outbox.drain();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].connection, 1u);
  EXPECT_EQ(taken[1].connection, 2u);
  EXPECT_FALSE(readable(outbox));
  EXPECT_TRUE(outbox.drain().empty());
}

TEST(ReplyOutboxTest, DoesNotWakeItsOwnerForItsOwnItems) {
  reply_outbox outbox;
  outbox.own();
  EXPECT_TRUE(outbox.post(item(1)));
  EXPECT_FALSE(readable(outbox));
  EXPECT_EQ(outbox.drain().size(), 1u);
}

TEST(ReplyOutboxTest, TakesNothingOnceClosed) {
  reply_outbox outbox;
  EXPECT_TRUE(outbox.post(item(1)));
  EXPECT_EQ(outbox.close().size(), 1u);
  EXPECT_FALSE(outbox.post(item(2)));
  EXPECT_TRUE(outbox.drain().empty());
}

// Goal: no wake-up is lost between the drain and the next post. Method: an
// owner that waits on the descriptor only, against four posting threads.
TEST(ReplyOutboxTest, LosesNoWakeUp) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 5'000;
  reply_outbox outbox;
  std::vector<std::thread> posting;
  for (std::size_t i = 0; i < threads; ++i)
    posting.emplace_back([&outbox] {
      for (std::size_t n = 0; n < each; ++n)
        outbox.post(item(n));
    });
  std::size_t taken = 0;
  while (taken < threads * each) {
    pollfd wanted{outbox.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&wanted, 1, 20'000), 1) << "after " << taken;
    taken += outbox.drain().size();
  }
  for (auto& thread : posting)
    thread.join();
  EXPECT_EQ(taken, threads * each);
}

} // namespace
} // namespace handoff
