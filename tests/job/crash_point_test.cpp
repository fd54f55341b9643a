#include "job/crash_point.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

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
  for (const auto* wanted :
       {"here", "here:", "here:0", "here:x", "here:-1", "here:1+"})
    EXPECT_EXIT(pass(wanted, "elsewhere", 1), testing::ExitedWithCode(3), "")
      << wanted;
}

TEST_F(CrashPointDeathTest, RefusesAHangWithoutAFile) {
  for (const auto* wanted : {"", "here", "here:", ":file"}) {
    ::setenv("HANDOFF_HANG_AT", wanted, 1);
    EXPECT_EXIT(pass("here:1", "elsewhere", 1), testing::ExitedWithCode(3), "")
      << wanted;
  }
  ::unsetenv("HANDOFF_HANG_AT");
}

class FaultPointDeathTest : public testing::Test {
protected:
  /// Exits with a bit for each of the `times` messages that was a fault.
  [[noreturn]] static void take(const char* wanted, const char* actor,
                                int times) {
    ::setenv("HANDOFF_FAULT_AT", wanted, 1);
    if (!crash_points_refused().empty())
      std::_Exit(100);
    int faults = 0;
    for (int i = 0; i < times; ++i) {
      try {
        fault_point(actor);
      } catch (const std::runtime_error&) {
        faults |= 1 << i;
      }
    }
    std::_Exit(faults);
  }
};

#ifdef HANDOFF_CRASH_POINTS

TEST_F(FaultPointDeathTest, ThrowsAtTheNthMessage) {
  EXPECT_EXIT(take("clone:2", "clone", 4), testing::ExitedWithCode(0b0010), "");
  EXPECT_EXIT(take("clone:2", "intake", 4), testing::ExitedWithCode(0), "");
}

TEST_F(FaultPointDeathTest, ThrowsAtEachMessageFromTheNthOn) {
  EXPECT_EXIT(take("clone:2+", "clone", 4), testing::ExitedWithCode(0b1110),
              "");
}

TEST_F(FaultPointDeathTest, TakesSeveralOfOneActorAndOfOthers) {
  const auto* wanted = "intake:1,clone:1,clone:3,recovery:2+";
  EXPECT_EXIT(take(wanted, "clone", 4), testing::ExitedWithCode(0b0101), "");
  EXPECT_EXIT(take(wanted, "recovery", 3), testing::ExitedWithCode(0b110), "");
}

#endif

TEST_F(FaultPointDeathTest, RefusesWhatItCannotRead) {
  for (const auto* wanted :
       {"", "clone", "clone:", ":1", "clone:0", "clone:-1", "clone:1x",
        "clone:1++", "clone:+", "clone:1,", "clone:1, intake:0"})
    EXPECT_EXIT(take(wanted, "elsewhere", 1), testing::ExitedWithCode(100), "")
      << wanted;
}

} // namespace
} // namespace handoff
