// The whole service in virtual time: the promises of docs/guarantees.md hold
// for these seeds, and the same seed is the same run.

#include "tools/handoff/rehearsal/rehearsal.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace handoff::rehearsal {
namespace {

/// A run, and what it is to show.
struct seeded {
  const char* name;
  std::uint64_t seed;
  std::uint64_t jobs;
  std::uint64_t crashes;
  std::uint64_t commands;
  fault_classes faults = {};
};

void PrintTo(const seeded& which, std::ostream* out) {
  *out << which.name;
}

constexpr fault_classes none{false, false, false, false,
                             false, false, false, false};

/// All, as they were before flows were reloaded and clocks set.
constexpr fault_classes first{true, true, true, true, true, true, false, false};

rehearsal_options options_of(const seeded& which) {
  rehearsal_options options;
  options.seed = which.seed;
  options.jobs = which.jobs;
  options.crashes = which.crashes;
  options.commands = which.commands;
  options.faults = which.faults;
  return options;
}

class RehearsalTest : public ::testing::TestWithParam<seeded> {};

TEST_P(RehearsalTest, KeepsItsPromises) {
  const auto done = rehearse(options_of(GetParam()));
  ASSERT_FALSE(done.broken) << done.broken->what << ": " << done.broken->detail
                            << " (job " << done.broken->job << ")";
  EXPECT_EQ(done.webhooks, GetParam().jobs);
  EXPECT_EQ(done.lost, 0u);
  EXPECT_EQ(done.doubled, 0u);
  EXPECT_EQ(done.succeeded + done.failed + done.cancelled + done.ambiguous,
            done.jobs);
}

INSTANTIATE_TEST_SUITE_P(
  Seeds, RehearsalTest,
  ::testing::Values(
    seeded{"Nothing", 1, 500, 0, 0, none},
    seeded{"Crashes", 1, 2'000, 100, 0, none},
    seeded{"Commands", 1, 2'000, 0, 1'000, none},
    seeded{"Reloads",
           1,
           1'000,
           10,
           1'000,
           {false, false, false, false, false, false, true, false}},
    seeded{"Clocks",
           1,
           1'000,
           10,
           100,
           {true, false, false, false, false, false, false, true}},
    seeded{"All1", 1, 2'000, 40, 400}, seeded{"All2", 2, 2'000, 40, 400},
    seeded{"All3", 3, 2'000, 40, 400}, seeded{"All4", 4, 2'000, 200, 1'000},
    seeded{"All5", 5, 2'000, 200, 1'000},
    // A commit whose outcome was not known left the job with nobody.
    seeded{"UnknownAdmission",
           1,
           2'000,
           0,
           0,
           {false, true, false, false, false, false, false, false}},
    // What was called and not journaled yet was skipped after a crash.
    seeded{"SkippedAfterCall", 1, 500, 5, 50, first},
    // A probe's time began before the clone was sent.
    seeded{"ProbeAfterCrash", 6, 500, 5, 50, first},
    // A command for a job that the recovery had not come to.
    seeded{"CommandBeforeRecovery", 14, 200, 2, 100, first},
    // What was due again was attempted after a cancel.
    seeded{"DueWhenCancelled", 5, 500, 5, 50, first}),
  [](const auto& each) { return each.param.name; });

// Goal: finished jobs leave memory. Method: twice as many jobs as are kept
// at this pace, and what was there at once is counted.
TEST(RehearsalMemoryTest, DoesNotGrowWithFinishedJobs) {
  const auto done = rehearse(options_of({"", 3, 6'000, 0, 0, none}));
  ASSERT_FALSE(done.broken) << done.broken->what;
  EXPECT_LT(done.kept_max, 3'600u);
}

TEST(RehearsalTraceTest, IsTheSameForTheSameSeed) {
  const auto options = options_of({"", 7, 500, 10, 100});
  const auto one = rehearse(options);
  const auto two = rehearse(options);
  EXPECT_EQ(one.trace, two.trace);
  EXPECT_EQ(one.messages, two.messages);
  auto other = options;
  other.seed = 8;
  EXPECT_NE(one.trace, rehearse(other).trace);
}

} // namespace
} // namespace handoff::rehearsal
