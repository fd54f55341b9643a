#include "http/outbound/sub_action_ramp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace handoff {
namespace {

using namespace std::chrono_literals;

class SubActionRampTest : public testing::Test {
protected:
  static constexpr auto first = sub_action_ramp::first;

  SubActionRampTest() { ramp_.max(now_, 0); }

  /// A window in which `wanted` are to be in flight, whose answers come after
  /// `took` each.
  void pass(std::size_t wanted, sub_action_ramp::duration took,
            std::size_t answers = 100) {
    const auto in_flight = std::min(wanted, ramp_.max(now_, wanted));
    if (wanted > in_flight)
      ramp_.held_back();
    for (std::size_t i = 0; i < answers; ++i)
      ramp_.answered(took);
    now_ += sub_action_ramp::window;
    max_ = ramp_.max(now_, in_flight);
  }

  sub_action_ramp ramp_;
  sub_action_ramp::time_point now_{1h};
  std::size_t max_ = first;
};

TEST_F(SubActionRampTest, GrowsWhileAnswersComeAsFast) {
  pass(20'000, 100ms);
  EXPECT_EQ(max_, first * 3 / 2);
  pass(20'000, 110ms);
  EXPECT_EQ(max_, first * 9 / 4);
}

TEST_F(SubActionRampTest, IsReachedByNothingThatWantsLess) {
  for (int i = 0; i < 10; ++i)
    pass(first, 100ms);
  EXPECT_EQ(max_, first);
}

TEST_F(SubActionRampTest, StaysWhereAnswersGetSlower) {
  pass(20'000, 100ms);
  const auto before = max_;
  pass(20'000, 220ms);
  EXPECT_EQ(max_, before);
}

TEST_F(SubActionRampTest, FallsWhereAnswersGetMuchSlowerButNotBelowTheFirst) {
  for (int i = 0; i < 4; ++i)
    pass(20'000, 100ms);
  const auto before = max_;
  pass(20'000, 400ms);
  EXPECT_EQ(max_, before - before / 4);
  for (int i = 0; i < 10; ++i)
    pass(20'000, 400ms);
  EXPECT_EQ(max_, first);
}

// A host that is simply slow must get as many as its limits allow.
TEST_F(SubActionRampTest, GrowsWhereCallsTakeLongerThanAWindow) {
  pass(20'000, 0ms, 0);
  pass(20'000, 0ms, 0);
  pass(20'000, 5s);
  pass(20'000, 0ms, 0);
  EXPECT_GT(max_, first * 4);
}

TEST_F(SubActionRampTest, TakesNoAnswersForSlownessWhereTheyUsedToBeQuick) {
  pass(20'000, 100ms);
  const auto before = max_;
  pass(20'000, 0ms, 0);
  EXPECT_LT(max_, before);
}

TEST_F(SubActionRampTest, GetsUsedToAHostThatHasBecomeSlower) {
  pass(20'000, 100ms);
  for (int i = 0; i < 100; ++i)
    pass(20'000, 400ms);
  EXPECT_GT(max_, first * 10);
}

TEST_F(SubActionRampTest, ForgetsWhatWasNotUsed) {
  for (int i = 0; i < 8; ++i)
    pass(20'000, 100ms);
  EXPECT_GT(max_, first * 10);
  for (int i = 0; i < 8; ++i)
    pass(0, 0ms, 0);
  EXPECT_EQ(max_, first);
}

} // namespace
} // namespace handoff
