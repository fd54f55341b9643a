#include "http/outbound/curl_lanes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <sys/epoll.h>
#include <unistd.h>

namespace handoff {

using namespace std::chrono_literals;

class CurlLanesTest : public testing::Test {
protected:
  ~CurlLanesTest() override { ::close(epoll_); }

  curl_lane& fill(call_class purpose) {
    auto& lane = lanes_.with_room(purpose);
    lane.calls = curl_lanes::calls_max;
    return lane;
  }

  std::size_t count() {
    std::size_t lanes = 0;
    lanes_.each([&](const curl_lane&) { ++lanes; });
    return lanes;
  }

  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  curl_lanes lanes_{epoll_, epoll_};
  const curl_lanes::time_point now_{1h};
};

TEST_F(CurlLanesTest, KeepsFewCallsTogether) {
  auto& first = lanes_.with_room(call_class::sub_action);
  first.calls = curl_lanes::calls_max - 1;
  EXPECT_EQ(&lanes_.with_room(call_class::sub_action), &first);
  EXPECT_EQ(count(), 1U);
}

TEST_F(CurlLanesTest, KeepsClonesApart) {
  auto& of_clones = lanes_.with_room(call_class::clone);
  EXPECT_NE(&lanes_.with_room(call_class::sub_action), &of_clones);
}

TEST_F(CurlLanesTest, BeginsAnotherLaneWhenAllAreFull) {
  auto& first = fill(call_class::clone);
  auto& second = fill(call_class::clone);
  auto& third = lanes_.with_room(call_class::clone);
  EXPECT_EQ(count(), 3U);
  EXPECT_NE(first.tag, second.tag);
  EXPECT_NE(second.tag, third.tag);
  --first.calls;
  EXPECT_EQ(&lanes_.with_room(call_class::clone), &first);
}

TEST_F(CurlLanesTest, LetsGoOfLanesWithoutCallsFromTheEnd) {
  fill(call_class::clone).calls = 0;
  lanes_.trim();
  EXPECT_EQ(count(), 1U) << "the first one keeps its connections";
  auto& first = fill(call_class::clone);
  auto& second = fill(call_class::clone);
  fill(call_class::clone).calls = 1;
  second.calls = 0;
  lanes_.trim();
  EXPECT_EQ(count(), 3U) << "the number of a lane does not change";
  lanes_.each([&](curl_lane& lane) {
    if (&lane != &first)
      lane.calls = 0;
  });
  lanes_.trim();
  EXPECT_EQ(count(), 1U);
}

TEST_F(CurlLanesTest, LetsConnectionsBeIdleForAWhile) {
  auto& lane = fill(call_class::sub_action);
  lanes_.keep_idle_for(4s, now_);
  EXPECT_EQ(lanes_.next_tick(), std::nullopt) << "it has calls";
  lane.calls = 0;
  lanes_.keep_idle_for(4s, now_ + 1h);
  EXPECT_EQ(lanes_.next_tick(), now_ + 1h + 4s);
  lanes_.keep_idle_for(4s, now_ + 1h + 3'999ms);
  EXPECT_EQ(count(), 1U);
  // The time runs from its last call.
  lane.calls = 1;
  lanes_.keep_idle_for(4s, now_ + 2h);
  lane.calls = 0;
  lanes_.keep_idle_for(4s, now_ + 3h);
  EXPECT_EQ(count(), 1U);
  lanes_.keep_idle_for(4s, now_ + 3h + 4s);
  EXPECT_EQ(count(), 0U);
  EXPECT_EQ(lanes_.next_tick(), std::nullopt);
  EXPECT_EQ(lanes_.with_room(call_class::sub_action).calls, 0U);
}

TEST_F(CurlLanesTest, LetsGoOfIdleConnectionsAtOnceWhereTheyMayNotBe) {
  fill(call_class::sub_action);
  fill(call_class::sub_action).calls = 0;
  lanes_.keep_idle_for(0s, now_);
  EXPECT_EQ(count(), 1U) << "the other one has calls";
}

TEST_F(CurlLanesTest, KeepsLanesOfClonesWhichHaveNoIdleConnections) {
  fill(call_class::clone).calls = 0;
  lanes_.keep_idle_for(0s, now_);
  EXPECT_EQ(count(), 1U);
}

TEST_F(CurlLanesTest, IgnoresASocketOfALaneThatHasGone) {
  fill(call_class::clone);
  const auto tag = lanes_.with_room(call_class::clone).tag;
  lanes_.trim();
  lanes_.socket_ready(std::uint64_t{tag} << 32U | 7U, CURL_CSELECT_IN);
  EXPECT_EQ(count(), 1U);
}

} // namespace handoff
