// Goal: senders and calls leave the rest of the service the descriptors that it
// needs, and none of them fails because another has the last. Method: this
// process is left few descriptors, by number.

#include "http/front_door/descriptors.hpp"
#include "support/scarce_descriptors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff::test {
namespace {

using namespace std::chrono_literals;

TEST(DescriptorSharesTest, KeepAnEighthAndNoMoreThanTheirMost) {
  const descriptor_shares few{128};
  EXPECT_EQ(few.public_end(), 112u);
  EXPECT_EQ(few.operators_end(), 120u);
  const descriptor_shares many{20'000};
  EXPECT_EQ(many.public_end(), 19'936u);
  EXPECT_EQ(many.operators_end(), 19'968u);
}

TEST(DescriptorSharesTest, GiveSendersNoMoreThanTheirClonesLeave) {
  for (const std::uint64_t limit : {0, 1, 64, 128, 1'024, 20'000, 1'048'576}) {
    const descriptor_shares shares{limit};
    for (const std::uint64_t others : {0, 46, 200}) {
      const auto senders = shares.senders_max(others);
      if (senders == 0)
        continue;
      const auto taken = others + 2 * senders;
      EXPECT_LE(taken, shares.public_end()) << limit;
      EXPECT_GE(taken + 1, shares.public_end()) << limit;
    }
  }
}

TEST(DescriptorSharesTest, GiveSendersNothingWhereNothingIsLeft) {
  EXPECT_EQ(descriptor_shares{64}.senders_max(56), 0u);
  EXPECT_EQ(descriptor_shares{64}.senders_max(1'000), 0u);
}

TEST(DescriptorSharesTest, FollowTheLimitOfTheProcess) {
  const auto open = open_descriptors().value();
  const scarce_descriptors left{77};
  EXPECT_EQ(descriptor_shares::now().limit(), open + 77);
}

class CallSocketsTest : public testing::Test {
protected:
  ~CallSocketsTest() override { ::close(like_); }

  std::optional<socket_place> place() { return sockets_.place(now_); }

  int like_ = ::eventfd(0, EFD_CLOEXEC);
  call_sockets sockets_{like_};
  call_sockets::time_point now_{1h};
};

TEST_F(CallSocketsTest, TakesNothingWhileThereIsPlenty) {
  if (descriptor_shares::now().limit() < 2'000)
    GTEST_SKIP() << "ulimit -n is too low for plenty";
  place(); // shows where the numbers are
  const auto before = open_descriptors();
  const auto promised = place();
  ASSERT_TRUE(promised);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(CallSocketsTest, LeavesWhatIsKeptFromCalls) {
  scarce_descriptors left{128};
  now_ += 1h;
  left.take_below(descriptor_shares::now().public_end());
  EXPECT_FALSE(place());
  left.give_back(1);
  auto only = place();
  EXPECT_TRUE(only);
  EXPECT_FALSE(place());
  only->give_up();
  EXPECT_TRUE(place());
}

TEST_F(CallSocketsTest, OpensTheSocketInItsPlace) {
  scarce_descriptors left{128};
  now_ += 1h;
  auto mine = place();
  ASSERT_TRUE(mine);
  left.take_all();
  const int fd = mine->open(AF_INET, SOCK_STREAM, 0);
  EXPECT_GE(fd, 0) << "its place was not kept";
  EXPECT_LT(::socket(AF_INET, SOCK_STREAM, 0), 0);
  ::close(fd);
}

TEST_F(CallSocketsTest, NoticesThatThePlentyIsOver) {
  if (descriptor_shares::now().limit() < 2'000)
    GTEST_SKIP() << "ulimit -n is too low for plenty";
  place();
  auto promised = place();
  ASSERT_TRUE(promised);
  scarce_descriptors left{128};
  left.take_all();
  EXPECT_LT(promised->open(AF_INET, SOCK_STREAM, 0), 0);
  EXPECT_TRUE(is_want_of_descriptors(errno));
  EXPECT_FALSE(place());
  left.give_back_all();
  EXPECT_TRUE(place());
}

TEST_F(CallSocketsTest, LeavesRoomForIdleConnectionsWhileFewAreTaken) {
  scarce_descriptors left{256};
  now_ += 1h;
  EXPECT_FALSE(sockets_.leave_room_for_idle()) << "nothing is known yet";
  place();
  EXPECT_TRUE(sockets_.leave_room_for_idle());
  const auto end = descriptor_shares::now().public_end();
  left.take_below(end - end / 4);
  place();
  EXPECT_FALSE(sockets_.leave_room_for_idle());
  left.give_back(1);
  place();
  EXPECT_TRUE(sockets_.leave_room_for_idle());
}

TEST_F(CallSocketsTest, TellsForASecondThatTheyWereShort) {
  scarce_descriptors left{128};
  now_ += 1h;
  EXPECT_FALSE(sockets_.are_short(now_));
  left.take_all();
  EXPECT_TRUE(sockets_.are_short(now_));
  left.give_back_all();
  EXPECT_TRUE(sockets_.are_short(now_ + 999ms));
  EXPECT_FALSE(sockets_.are_short(now_ + 1s));
}

TEST(ShortageTest, BeginsOnceARow) {
  shortage told;
  shortage::time_point now{1h};
  EXPECT_TRUE(told.begins(now));
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(told.begins(now += 60s));
  EXPECT_TRUE(told.begins(now += 61s));
}

} // namespace
} // namespace handoff::test
