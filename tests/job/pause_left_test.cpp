#include "job/pause_left.hpp"

#include <gtest/gtest.h>

namespace handoff {

using namespace std::chrono_literals;

namespace {

const wall_time now{std::chrono::seconds{1795867200}};

} // namespace

TEST(PauseLeftTest, IsUntilTheAttemptIsDue) {
  EXPECT_EQ(pause_left(now + 10s, now, now), 10s);
  EXPECT_EQ(pause_left(now + 10s, now, now + 7s), 3s);
  EXPECT_EQ(pause_left(now + 10s, now, now + 1h), 0s);
  EXPECT_EQ(pause_left(now + 10s, std::nullopt, now), 10s);
}

// Goal: a job goes on whoever sets the clock. A step waited until the wall
// clock had come to when its attempt was due.
TEST(PauseLeftTest, IsNoLongerThanItWasWhereTheClockIsSetBack) {
  EXPECT_EQ(pause_left(now + 10s, now, now - 24h), 10s);
}

} // namespace handoff
