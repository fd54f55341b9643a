#include "http/curl_lanes.hpp"

#include <gtest/gtest.h>

#include <sys/epoll.h>
#include <unistd.h>

namespace handoff {

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

TEST_F(CurlLanesTest, IgnoresASocketOfALaneThatHasGone) {
  fill(call_class::clone);
  const auto tag = lanes_.with_room(call_class::clone).tag;
  lanes_.trim();
  lanes_.socket_ready(std::uint64_t{tag} << 32U | 7U, CURL_CSELECT_IN);
  EXPECT_EQ(count(), 1U);
}

} // namespace handoff
