#include "job/pause_left.hpp"

#include <gtest/gtest.h>

namespace handoff {

using namespace std::chrono_literals;

namespace {

const wall_time now{std::chrono::seconds{1795867200}};

/// One that ended just now.
std::vector<attempt> tried() {
  attempt made;
  made.started = now - 5s;
  made.waited = 1s;
  made.duration = 4s;
  made.ended = true;
  return {made};
}

} // namespace

TEST(PauseLeftTest, IsUntilTheAttemptIsDue) {
  EXPECT_EQ(pause_left(now + 10s, tried(), now), 10s);
  EXPECT_EQ(pause_left(now + 10s, tried(), now + 7s), 3s);
  EXPECT_EQ(pause_left(now + 10s, tried(), now + 1h), 0s);
  EXPECT_EQ(pause_left(now + 10s, {}, now), 10s);
}

// Goal: a job goes on whoever sets the clock. A step waited until the wall
// clock had come back to when its attempt was due.
TEST(PauseLeftTest, IsNoLongerThanItWasWhereTheClockIsSetBack) {
  EXPECT_EQ(pause_left(now + 10s, tried(), now - 24h), 10s);
}

} // namespace handoff
