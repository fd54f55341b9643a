#include "job/latency.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;

TEST(LatencyEstimateTest, KnowsNothingAtFirst) {
  const latency_estimate estimate;
  EXPECT_FALSE(estimate.mean());
  EXPECT_EQ(estimate.at_least(), 0us);
}

// RFC 6298, section 2.2 and 2.3, by hand.
TEST(LatencyEstimateTest, WeighsAsTheRoundTripTimerDoes) {
  latency_estimate estimate;
  estimate.observe(800ms);
  EXPECT_EQ(estimate.mean(), 800ms);
  EXPECT_EQ(estimate.at_least(), 400ms);
  estimate.observe(1'600ms);
  EXPECT_EQ(estimate.mean(), 900ms);     // 800 + (1600 - 800) / 8
  EXPECT_EQ(estimate.at_least(), 400ms); // 400 + (800 - 400) / 4 off
}

TEST(LatencyEstimateTest, ComesToWhatNeverChanges) {
  latency_estimate estimate;
  for (int i = 0; i < 50; ++i)
    estimate.observe(6s);
  EXPECT_EQ(estimate.mean(), 6s);
  EXPECT_GT(estimate.at_least(), 5'999ms);
}

TEST(LatencyEstimateTest, ForgetsWhatWas) {
  latency_estimate estimate;
  estimate.observe(60s);
  for (int i = 0; i < 100; ++i)
    estimate.observe(100ms);
  EXPECT_LT(estimate.mean(), 101ms);
}

TEST(LatencyEstimateTest, TakesATimeOutForMoreThanItWaited) {
  latency_estimate estimate;
  estimate.observe_at_least(2s);
  EXPECT_EQ(estimate.mean(), 2s) << "it took no less";
  estimate.observe_at_least(1s);
  EXPECT_EQ(estimate.mean(), 2s) << "that it took more than 1 s is no news";
  estimate.observe_at_least(10s);
  EXPECT_EQ(estimate.mean(), 3s);
}

TEST(LatencyEstimateTest, IsNeverLessThanNothing) {
  latency_estimate estimate;
  estimate.observe(-5ms);
  EXPECT_EQ(estimate.mean(), 0us);
  for (const auto each : {0ms, 90'000ms, 0ms, 0ms, 90'000ms})
    estimate.observe(each);
  EXPECT_GE(estimate.at_least(), 0us);
}

} // namespace
} // namespace handoff
