#include "job/follow_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace handoff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A cloned job whose sub-actions "a", "b", … stand as the letters say (as in
/// plan_test); their successes were journaled in the order given.
job job_with(const std::string& letters,
             const std::vector<std::uint32_t>& order = {}) {
  job record;
  record.id = "j";
  record.status = job_status::running;
  record.clone.uid = "u";
  for (std::size_t n = 0; n < letters.size(); ++n) {
    auto& sub = record.sub_actions.emplace_back();
    sub.name = std::string(1, static_cast<char>('a' + n));
    sub.status = static_cast<sub_action_status>(
      std::string{"wrtsfkc"}.find(letters[n]) + 1);
    sub.success = n < order.size() ? order[n] : static_cast<std::uint32_t>(n);
  }
  return record;
}

step_record step(sub_action_status status, std::string name = "x") {
  step_record made;
  made.name = std::move(name);
  made.status = status;
  return made;
}

/// All of them compensable, and their failure compensates.
follow_up_rules rules(std::size_t count, bool clone = true) {
  follow_up_rules all;
  all.sub_actions.assign(count, {{}, on_failure::compensate, true});
  all.clone_compensable = clone;
  return all;
}

std::vector<std::string> due(const job& record, bool clone = true) {
  return compensations_due(record, rules(record.sub_actions.size(), clone));
}

} // namespace

TEST(FollowUpTest, UndoesWhatSucceededLastFirstAndTheCloneLast) {
  EXPECT_THAT(due(job_with("sssf", {3, 1, 2})),
              ElementsAre("a", "c", "b", "clone"));
  EXPECT_THAT(due(job_with("ssf", {1, 2})), ElementsAre("b", "a", "clone"));
}

TEST(FollowUpTest, UndoesOnlyWhatSucceededAndCanBeUndone) {
  EXPECT_THAT(due(job_with("sfk"), false), ElementsAre("a"));
  EXPECT_THAT(due(job_with("fk"), false), IsEmpty());
  auto some = rules(3, false);
  some.sub_actions[0].compensable = false;
  EXPECT_THAT(compensations_due(job_with("ssf"), some), ElementsAre("b"));
}

TEST(FollowUpTest, WaitsUntilAllIsFinal) {
  EXPECT_THAT(due(job_with("sfr")), IsEmpty());
  EXPECT_THAT(due(job_with("sft")), IsEmpty());
  EXPECT_THAT(due(job_with("sfw")), IsEmpty());
}

TEST(FollowUpTest, UndoesNothingUnlessAFailureAsksForIt) {
  EXPECT_THAT(due(job_with("ss")), IsEmpty());
  EXPECT_THAT(due(job_with("")), IsEmpty());
  auto proceeding = rules(2);
  proceeding.sub_actions[1].on_failure = on_failure::proceed;
  EXPECT_THAT(compensations_due(job_with("sf"), proceeding), IsEmpty());
  proceeding.sub_actions[1].on_failure = on_failure::halt;
  EXPECT_THAT(compensations_due(job_with("sf"), proceeding), IsEmpty());
}

TEST(FollowUpTest, UndoesNothingOfWhatSomebodyCancelled) {
  EXPECT_THAT(due(job_with("sfc")), IsEmpty());
  auto cancelling = job_with("sf");
  cancelling.cancel_requested = wall_time{};
  EXPECT_THAT(due(cancelling), IsEmpty());
}

TEST(FollowUpTest, UndoesOnce) {
  auto record = job_with("sf");
  record.compensations.push_back(step(sub_action_status::succeeded, "a"));
  EXPECT_THAT(due(record), IsEmpty());
}

TEST(FollowUpTest, NumbersCallbacksThatTellAgain) {
  job record;
  EXPECT_THAT(callback_of(record, "failed").names, ElementsAre("failed"));
  record.callbacks.push_back(step(sub_action_status::succeeded, "cloned"));
  record.callbacks.push_back(step(sub_action_status::failed, "failed"));
  EXPECT_THAT(callback_of(record, "failed").names, ElementsAre("failed-2"));
  record.callbacks.push_back(step(sub_action_status::waiting, "failed-2"));
  EXPECT_THAT(callback_of(record, "failed").names, ElementsAre("failed-3"));
  EXPECT_THAT(callback_of(record, "succeeded").names, ElementsAre("succeeded"));
  EXPECT_EQ(event_of("failed-3"), "failed");
  EXPECT_EQ(event_of("failed"), "failed");
}

TEST(FollowUpTest, TakesOneAfterTheOther) {
  using enum sub_action_status;
  const auto next = [](std::vector<sub_action_status> all) {
    std::vector<step_record> steps;
    for (const auto each : all)
      steps.push_back(step(each));
    return next_in_turn(steps);
  };
  EXPECT_EQ(next({}), std::nullopt);
  EXPECT_EQ(next({waiting, waiting}), 0u);
  EXPECT_EQ(next({running, waiting}), std::nullopt);
  EXPECT_EQ(next({retrying, waiting}), 0u);
  EXPECT_EQ(next({succeeded, waiting}), 1u);
  EXPECT_EQ(next({failed, cancelled, waiting}), 2u);
  EXPECT_EQ(next({succeeded, failed}), std::nullopt);
}

TEST(FollowUpTest, RunsUntilItsCompensationsAreFinal) {
  auto record = job_with("sf");
  EXPECT_EQ(outcome_of(record), job_status::failed);
  record.compensations.push_back(step(sub_action_status::retrying, "a"));
  EXPECT_EQ(outcome_of(record), job_status::running);
  record.compensations[0].status = sub_action_status::succeeded;
  EXPECT_EQ(outcome_of(record), job_status::failed);
  record.callbacks.push_back(step(sub_action_status::waiting, "failed"));
  EXPECT_EQ(outcome_of(record), job_status::failed);
}

TEST(FollowUpTest, IsUnfinishedWhileItCallsBack) {
  job record;
  record.status = job_status::succeeded;
  EXPECT_FALSE(is_unfinished(record));
  record.callbacks.push_back(step(sub_action_status::retrying, "succeeded"));
  EXPECT_TRUE(is_unfinished(record));
  record.callbacks[0].status = sub_action_status::failed;
  EXPECT_FALSE(is_unfinished(record));
  record.status = job_status::ambiguous;
  EXPECT_FALSE(is_unfinished(record));
}

} // namespace handoff
