// Faults that are put into the service on purpose: each must be found, or the
// checks of a rehearsal are worth nothing.

#include "tools/handoff/rehearsal/rehearsal.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <ostream>

namespace handoff::rehearsal {
namespace {

struct fault {
  const char* name;
  sabotage how;
  const char* promise; ///< that is found broken; null: one of several
};

void PrintTo(const fault& which, std::ostream* out) {
  *out << which.name;
}

class SabotageTest : public ::testing::TestWithParam<fault> {};

TEST_P(SabotageTest, IsFound) {
  rehearsal_options options;
  options.broken = GetParam().how;
  options.jobs = 3'000;
  options.crashes = 60;
  options.commands = 600;
  options.settings.upstream.max_calls = 80;
  const auto began = std::chrono::steady_clock::now();
  // Not every seed draws what shows it.
  auto done = rehearse(options);
  for (; !done.broken && options.seed < 4; done = rehearse(options))
    ++options.seed;
  ASSERT_TRUE(done.broken);
  if (GetParam().promise != nullptr) {
    EXPECT_EQ(done.broken->what, GetParam().promise) << done.broken->detail;
  }
  std::cout << GetParam().name << ": found by seed " << options.seed
            << " after " << done.broken->webhooks << " webhooks and "
            << std::chrono::duration_cast<std::chrono::milliseconds>(
                 std::chrono::steady_clock::now() - began)
                 .count()
            << " ms\n";
}

INSTANTIATE_TEST_SUITE_P(
  Faults, SabotageTest,
  ::testing::Values(
    fault{"AnswersBeforeCommit", sabotage::answer_before_commit, nullptr},
    fault{"LosesCommits", sabotage::lose_commits, nullptr},
    fault{"TearsBatches", sabotage::tear_batches, nullptr},
    fault{"ForgetsKeys", sabotage::forget_keys, "one key makes one job"},
    fault{"ForgetsCancels", sabotage::forget_cancels, nullptr},
    fault{"SkipsRecovery", sabotage::skip_recovery, nullptr},
    fault{"HasNoLimits", sabotage::no_limits,
          "no more calls to an upstream than its limit"},
    fault{"HasAWorkerTooMany", sabotage::a_worker_too_many,
          "no more calls of a job than workers"},
    fault{"RepeatsClones", sabotage::repeat_clones, "a clone is made once"},
    fault{"HasImpatientProbes", sabotage::impatient_probes,
          "a clone is made once"},
    fault{"KeepsPlaces", sabotage::keep_places, "nothing is left at the end"},
    fault{"UndoesInOrder", sabotage::reverse_undoing,
          "what succeeded last is undone first"}),
  [](const auto& each) { return each.param.name; });

} // namespace
} // namespace handoff::rehearsal
