#include "job/crash_point.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace handoff {
namespace {

class CrashPointDeathTest : public testing::Test {
protected:
  // The variable is read once, so that each test reads it in a process of its
  // own.
  [[noreturn]] static void pass(const char* wanted, const char* name,
                                int times) {
    ::setenv("HANDOFF_CRASH_AT", wanted, 1);
    for (int i = 0; i < times; ++i)
      crash_point(name);
    std::_Exit(crash_points_refused().empty() ? 0 : 3);
  }
};

TEST_F(CrashPointDeathTest, KillsAtTheNthPassing) {
#ifdef HANDOFF_CRASH_POINTS
  EXPECT_EXIT(pass("here:3", "here", 3), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("here:3", "here", 2), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(pass("here:1", "there", 9), testing::ExitedWithCode(0), "");
#else
  EXPECT_EXIT(pass("here:1", "here", 1), testing::ExitedWithCode(3), "");
#endif
}

TEST_F(CrashPointDeathTest, RefusesWhatItCannotRead) {
  for (const auto* wanted : {"here", "here:", "here:0", "here:x", "here:-1"})
    EXPECT_EXIT(pass(wanted, "elsewhere", 1), testing::ExitedWithCode(3), "")
      << wanted;
}

} // namespace
} // namespace handoff
