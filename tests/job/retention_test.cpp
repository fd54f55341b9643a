#include "job/retention.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using days = std::chrono::duration<int, std::ratio<86'400>>;

class RetentionClockTest : public testing::Test {
protected:
  using wall = retention_clock::wall;

  /// Both clocks go on, and what counts is looked at.
  retention_clock::reading pass(std::chrono::nanoseconds span) {
    wall_ += std::chrono::duration_cast<wall::duration>(span);
    running_ += span;
    return clock.look(wall_, running_);
  }

  /// Somebody sets the wall clock.
  void set_clock(std::chrono::nanoseconds by) {
    wall_ += std::chrono::duration_cast<wall::duration>(by);
  }

  /// How far what counts lags behind the wall clock.
  std::chrono::milliseconds lag(const retention_clock::reading& seen) const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(wall_
                                                                 - seen.now);
  }

  retention_clock clock;
  wall wall_{std::chrono::seconds{1'800'000'000}};
  std::chrono::nanoseconds running_{12'345s};
};

TEST_F(RetentionClockTest, FollowsTheWallClock) {
  EXPECT_EQ(lag(pass(0s)), 0ms);
  for (const auto span : {5'000ms, 10ms, 3'600'000ms}) {
    const auto seen = pass(span);
    EXPECT_EQ(lag(seen), 0ms);
    EXPECT_EQ(seen.jumped, 0ms);
  }
}

TEST_F(RetentionClockTest, CountsTimeInWhichNobodyLooked) {
  pass(0s);
  const auto seen = pass(days{30});
  EXPECT_EQ(lag(seen), 0ms);
  EXPECT_EQ(seen.jumped, 0ms);
}

TEST_F(RetentionClockTest, IsHeldBackForAnHourAfterAJump) {
  pass(0s);
  set_clock(days{30});
  EXPECT_EQ(pass(5s).jumped, days{30});
  for (int at = 1; at < 720; ++at)
    ASSERT_EQ(lag(pass(5s)), days{30}) << at;
}

TEST_F(RetentionClockTest, CatchesUpInSteps) {
  pass(0s);
  set_clock(days{30});
  pass(1s);
  pass(1h);
  // 12 h at 60 times the pace are 30 days.
  EXPECT_EQ(lag(pass(1h)), days{30} - 59h);
  EXPECT_GT(lag(pass(10h)), 1h);
  EXPECT_EQ(lag(pass(3h)), 0ms);
  EXPECT_EQ(lag(pass(5s)), 0ms);
}

TEST_F(RetentionClockTest, BelievesAClockThatIsPutRight) {
  pass(0s);
  set_clock(days{30});
  pass(5s);
  set_clock(-days{30});
  EXPECT_EQ(lag(pass(5s)), 0ms);
}

TEST_F(RetentionClockTest, TakesASmallStepForNoJump) {
  pass(0s);
  set_clock(30s);
  const auto seen = pass(5s);
  EXPECT_EQ(seen.jumped, 0ms);
  EXPECT_EQ(lag(seen), 0ms);
}

TEST_F(RetentionClockTest, BeginsWithTheLastTimeThatIsKnown) {
  clock = retention_clock{wall_ - days{30}};
  const auto seen = pass(0s);
  EXPECT_EQ(seen.jumped, days{30});
  EXPECT_EQ(lag(seen), days{30});
}

TEST_F(RetentionClockTest, DoesNotBeginAfterTheWallClock) {
  clock = retention_clock{wall_ + 1h};
  EXPECT_EQ(lag(pass(0s)), 0ms);
}

} // namespace
} // namespace handoff
