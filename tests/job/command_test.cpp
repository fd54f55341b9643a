#include "job/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff {
namespace {

enum class outcome { none, clone, steps, conflict, invalid };

/// A job as it stands, what somebody wants of it, and what comes of that.
struct command_case {
  std::string name;
  job_status status;
  bool has_uid;
  std::vector<sub_action_status> subs; ///< "a", "b", …
  job_command command;
  outcome expected;
  std::size_t events = 0;
};

void PrintTo(const command_case& one, std::ostream* out) {
  *out << one.name;
}

job job_of(const command_case& one) {
  job record;
  record.id = "j";
  record.status = one.status;
  if (one.has_uid)
    record.clone.uid = "u";
  for (std::size_t at = 0; at < one.subs.size(); ++at) {
    auto& sub = record.sub_actions.emplace_back();
    sub.name = std::string(1, static_cast<char>('a' + at));
    sub.status = one.subs[at];
  }
  return record;
}

/// A flow with sub-actions "a" and "b".
command_flow flow_of_two() {
  return {{"a", "b"}, std::vector<sub_action_rule>(2)};
}

using decision = result<std::vector<job_event>>;

/// What the job goes on with once the command holds.
outcome outcome_of(job record, const decision& decided) {
  if (const auto* failed = std::get_if<error>(&decided))
    return failed->kind == error_kind::conflict ? outcome::conflict
                                                : outcome::invalid;
  for (const auto& each : std::get<std::vector<job_event>>(decided))
    apply(record, each);
  switch (next_of(record)) {
  case job_work::clone:
    return outcome::clone;
  case job_work::steps:
    return outcome::steps;
  default:
    return outcome::none;
  }
}

class CommandTest : public testing::TestWithParam<command_case> {};

TEST_P(CommandTest, Decides) {
  const auto& one = GetParam();
  const auto decided =
    decide(job_of(one), one.command, flow_of_two(), wall_time{});
  EXPECT_EQ(outcome_of(job_of(one), decided), one.expected);
  if (const auto* events = std::get_if<std::vector<job_event>>(&decided)) {
    EXPECT_EQ(events->size(), one.events);
  }
}

std::string name_of(const testing::TestParamInfo<command_case>& info) {
  return info.param.name;
}

using enum sub_action_status;
using js = job_status;

INSTANTIATE_TEST_SUITE_P(
  Table, CommandTest,
  testing::Values(command_case{"RetryFailedSubAction",
                               js::failed,
                               true,
                               {succeeded, failed},
                               retry_command{},
                               outcome::steps,
                               1},
                  command_case{"RetryFailedAndSkipped",
                               js::failed,
                               true,
                               {failed, skipped},
                               retry_command{},
                               outcome::steps,
                               2},
                  command_case{"RetryOneWithWhatWasSkipped",
                               js::failed,
                               true,
                               {failed, skipped},
                               retry_command{"a"},
                               outcome::steps,
                               2},
                  command_case{"RetryOneOfTwoFailed",
                               js::failed,
                               true,
                               {failed, failed},
                               retry_command{"b"},
                               outcome::steps,
                               1},
                  command_case{"RetrySucceededOne",
                               js::failed,
                               true,
                               {succeeded, failed},
                               retry_command{"a"},
                               outcome::conflict},
                  command_case{"RetryUnknownOne",
                               js::failed,
                               true,
                               {failed, failed},
                               retry_command{"c"},
                               outcome::invalid},
                  command_case{"RetryCancelled",
                               js::cancelled,
                               true,
                               {cancelled, cancelled},
                               retry_command{},
                               outcome::steps,
                               2},
                  command_case{"RetryFailedClone",
                               js::failed,
                               false,
                               {},
                               retry_command{},
                               outcome::clone,
                               1},
                  command_case{"RetryCancelledClone",
                               js::cancelled,
                               false,
                               {},
                               retry_command{},
                               outcome::conflict},
                  command_case{"RetrySubActionOfFailedClone",
                               js::failed,
                               false,
                               {},
                               retry_command{"a"},
                               outcome::conflict},
                  command_case{"RetrySucceeded",
                               js::succeeded,
                               true,
                               {succeeded, succeeded},
                               retry_command{},
                               outcome::conflict},
                  command_case{"RetryRunning",
                               js::running,
                               true,
                               {running, waiting},
                               retry_command{},
                               outcome::conflict},
                  command_case{"RetryCloning",
                               js::cloning,
                               false,
                               {},
                               retry_command{},
                               outcome::conflict},
                  command_case{"RetryAmbiguous",
                               js::ambiguous,
                               false,
                               {},
                               retry_command{},
                               outcome::conflict},
                  command_case{"CancelAmbiguous",
                               js::ambiguous,
                               false,
                               {},
                               cancel_command{},
                               outcome::none,
                               1},
                  command_case{"CancelSucceeded",
                               js::succeeded,
                               true,
                               {succeeded},
                               cancel_command{},
                               outcome::conflict},
                  command_case{"CancelFailed",
                               js::failed,
                               true,
                               {failed},
                               cancel_command{},
                               outcome::conflict},
                  command_case{"ResolveWithUid",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{"u"},
                               outcome::steps,
                               1},
                  command_case{"ResolveWithNumber",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{7},
                               outcome::steps,
                               1},
                  command_case{"ResolveWithEmptyUid",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{""},
                               outcome::invalid},
                  command_case{"ResolveWithLongUid",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{std::string(513, 'u')},
                               outcome::invalid},
                  command_case{"ResolveWithArray",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{nlohmann::json::array({1})},
                               outcome::invalid},
                  command_case{"ResolveByAnotherClone",
                               js::ambiguous,
                               false,
                               {},
                               resolve_command{nullptr},
                               outcome::clone,
                               1},
                  command_case{"ResolveFailed",
                               js::failed,
                               false,
                               {},
                               resolve_command{"u"},
                               outcome::conflict},
                  command_case{"ResolveRunning",
                               js::running,
                               true,
                               {running},
                               resolve_command{"u"},
                               outcome::conflict}),
  name_of);

/// A job whose compensations and callbacks stand so.
job followed_up(js status, std::vector<sub_action_status> compensations,
                std::vector<sub_action_status> callbacks) {
  auto record =
    job_of({"", status, true, {succeeded, failed}, {}, outcome::none});
  for (const auto each : compensations)
    record.compensations.emplace_back().status = each;
  for (const auto each : callbacks)
    record.callbacks.emplace_back().status = each;
  return record;
}

std::vector<step_ref> retried(const job& record,
                              std::optional<std::string> sub_action = {}) {
  const auto decided = decide(record, retry_command{std::move(sub_action)},
                              flow_of_two(), wall_time{});
  std::vector<step_ref> steps;
  if (const auto* events = std::get_if<std::vector<job_event>>(&decided))
    for (const auto& each : *events)
      steps.push_back(std::get<step_settled>(each.change).step);
  return steps;
}

TEST(RetryTest, TriesToUndoAgainButNotToDo) {
  const auto undoing = [](std::size_t at) {
    return step_ref{step_kind::compensation, at};
  };
  EXPECT_EQ(retried(followed_up(js::failed, {failed, succeeded, failed}, {})),
            (std::vector{undoing(0), undoing(2)}));
  EXPECT_TRUE(retried(followed_up(js::failed, {succeeded}, {})).empty());
  EXPECT_TRUE(retried(followed_up(js::failed, {failed}, {}), "b").empty());
}

TEST(RetryTest, CallsBackAgainWhenNothingElseIsLeft) {
  const std::vector<step_ref> second{{step_kind::callback, 1}};
  EXPECT_EQ(retried(followed_up(js::succeeded, {}, {succeeded, failed})),
            second);
  EXPECT_EQ(retried(followed_up(js::failed, {succeeded}, {succeeded, failed})),
            second);
  EXPECT_TRUE(retried(followed_up(js::succeeded, {}, {succeeded})).empty());
  EXPECT_EQ(retried(followed_up(js::failed, {}, {failed})),
            std::vector{sub_action_at(1)})
    << "another callback tells what comes of it";
}

TEST(GiveUpTest, LeavesAnEndAsItIsAndCallsBackNoMore) {
  auto record = followed_up(js::succeeded, {}, {succeeded, retrying});
  for (const auto& event :
       give_up(record, {error_kind::quarantined, ""}, wall_time{}))
    apply(record, event);
  EXPECT_EQ(record.status, js::succeeded);
  EXPECT_FALSE(is_unfinished(record));
}

TEST(GiveUpTest, FailsACloneThatWasNeverSent) {
  job record;
  record.id = "j";
  for (const auto& event :
       give_up(record, {error_kind::quarantined, ""}, wall_time{}))
    apply(record, event);
  EXPECT_EQ(record.status, js::failed);
}

TEST(GiveUpTest, LeavesACloneAmbiguousSinceItMayHaveBeenSent) {
  job record;
  record.id = "j";
  record.clone.attempts.emplace_back();
  for (const auto& event :
       give_up(record, {error_kind::quarantined, ""}, wall_time{}))
    apply(record, event);
  EXPECT_EQ(record.status, js::ambiguous);
}

TEST(GiveUpTest, FailsWhatIsNotFinal) {
  auto record = job_of({"",
                        js::running,
                        true,
                        {succeeded, running, retrying},
                        cancel_command{},
                        outcome::none});
  for (const auto& event :
       give_up(record, {error_kind::quarantined, ""}, wall_time{}))
    apply(record, event);
  EXPECT_EQ(record.status, js::failed);
  EXPECT_EQ(record.sub_actions[0].status, succeeded);
  EXPECT_EQ(record.sub_actions[1].status, failed);
  EXPECT_EQ(record.sub_actions[2].status, failed);
}

std::string detail_of(const decision& decided) {
  const auto* failed = std::get_if<error>(&decided);
  return failed != nullptr ? failed->detail : "";
}

TEST(CancelTest, SettlesACloneThatIsNotUnderWay) {
  job record;
  record.id = "j";
  const auto decided =
    decide(record, cancel_command{}, flow_of_two(), wall_time{});
  for (const auto& each : std::get<std::vector<job_event>>(decided))
    apply(record, each);
  EXPECT_EQ(record.status, js::cancelled);
  EXPECT_EQ(status_after_command(record), "cancelled");
}

TEST(CancelTest, LetsACloneThatIsUnderWayEnd) {
  job record;
  record.id = "j";
  record.clone.attempts.emplace_back();
  const auto decided =
    decide(record, cancel_command{}, flow_of_two(), wall_time{});
  for (const auto& each : std::get<std::vector<job_event>>(decided))
    apply(record, each);
  EXPECT_EQ(record.status, js::cloning);
  EXPECT_TRUE(record.cancel_requested);
  EXPECT_EQ(status_after_command(record), "cancelling");
}

TEST(CancelTest, CancelsWhatHasNotBegunAndNothingElse) {
  auto record = job_of({"", js::running, true, {running, retrying}, {}, {}});
  const auto decided =
    decide(record, cancel_command{}, flow_of_two(), wall_time{});
  for (const auto& each : std::get<std::vector<job_event>>(decided))
    apply(record, each);
  EXPECT_EQ(record.sub_actions[0].status, running);
  EXPECT_EQ(record.sub_actions[1].status, cancelled);
  EXPECT_TRUE(record.cancel_requested);
}

TEST(CancelTest, NeedsNoDefinition) {
  const error gone{error_kind::internal, "its secret is gone"};
  auto record = job_of({"", js::running, true, {waiting}, {}, {}});
  EXPECT_TRUE(std::holds_alternative<std::vector<job_event>>(
    decide(record, cancel_command{}, gone, wall_time{})));
  record = job_of({"", js::failed, true, {failed}, {}, {}});
  EXPECT_EQ(detail_of(decide(record, retry_command{}, gone, wall_time{})),
            "its secret is gone");
}

TEST(RetryTest, SaysWhichSubActionHoldsUpTheOneThatIsWanted) {
  auto flow = flow_of_two();
  flow.rules[1].after = {0};
  const auto record = job_of({"", js::failed, true, {failed, skipped}, {}, {}});
  EXPECT_THAT(detail_of(decide(record, retry_command{"b"}, flow, wall_time{})),
              testing::HasSubstr("comes after \"a\", which is failed"));
  flow.rules[1].after.clear();
  flow.rules[0].on_failure = on_failure::halt;
  EXPECT_THAT(detail_of(decide(record, retry_command{"b"}, flow, wall_time{})),
              testing::HasSubstr("was stopped by \"a\""));
}

TEST(RetryTest, RetriesWhatFailedWhileOthersRun) {
  auto record = job_of({"", js::running, true, {failed, running}, {}, {}});
  EXPECT_EQ(retried(record), std::vector{sub_action_at(0)});
}

TEST(RetryTest, FollowsTheFlowAsItIsNow) {
  auto flow = flow_of_two();
  flow.sub_actions = {"b", "c"};
  flow.change = definition_changed{"2", nullptr, flow.sub_actions};
  auto record = job_of({"", js::failed, true, {succeeded, failed}, {}, {}});
  const auto decided =
    decide(record, retry_command{std::nullopt, true}, flow, wall_time{});
  for (const auto& each : std::get<std::vector<job_event>>(decided))
    apply(record, each);
  EXPECT_EQ(record.flow_version, "2");
  ASSERT_EQ(record.sub_actions.size(), 3u);
  EXPECT_EQ(record.sub_actions[0].name, "b");
  EXPECT_FALSE(is_final(record.sub_actions[0].status));
  EXPECT_EQ(record.sub_actions[1].name, "c");
  EXPECT_EQ(record.sub_actions[1].status, waiting);
  EXPECT_EQ(record.sub_actions[2].name, "a");
  EXPECT_EQ(record.sub_actions[2].status, succeeded);
  EXPECT_EQ(next_of(record), job_work::steps);
}

// It was refused: no sub-action had failed any more.
TEST(RetryTest, IsRepairedByAFlowWithoutWhatFailed) {
  auto flow = flow_of_two();
  flow.sub_actions = {"a", "c"};
  flow.change = definition_changed{"2", nullptr, flow.sub_actions};
  auto record = job_of({"", js::failed, true, {succeeded, failed}, {}, {}});
  const auto take = [&](std::optional<std::string> only = {}) {
    const auto decided =
      decide(record, retry_command{std::move(only), true}, flow, wall_time{});
    const auto* events = std::get_if<std::vector<job_event>>(&decided);
    auto changed = record;
    if (events != nullptr)
      for (const auto& each : *events)
        apply(changed, each);
    return changed;
  };
  // Something new is to be done.
  EXPECT_EQ(take().status, js::running);
  EXPECT_EQ(take().sub_actions[1].status, waiting);
  EXPECT_EQ(take("c").status, js::failed) << "it has not failed";
  // Nothing is left.
  flow.sub_actions = {"a"};
  flow.change->sub_actions = flow.sub_actions;
  EXPECT_EQ(take().status, js::running);
  EXPECT_EQ(status_of(take().sub_actions), js::succeeded);
  record.status = js::cancelled;
  record.cancel_requested = wall_time{};
  EXPECT_EQ(take().cancel_requested, std::nullopt);
  // What was undone is not taken up, nor is what has succeeded.
  record = followed_up(js::failed, {succeeded}, {});
  EXPECT_EQ(take().status, js::failed);
  record = job_of({"", js::succeeded, true, {succeeded, succeeded}, {}, {}});
  flow.change->sub_actions = {"a", "b", "c"};
  EXPECT_EQ(take().status, js::succeeded);
}

TEST(RetryTest, MakesNoOtherElementsOfWhatHasBegun) {
  auto flow = flow_of_two();
  flow.change = definition_changed{"2", nullptr, flow.sub_actions};
  flow.regrouped = {"b"};
  auto record = job_of({"", js::failed, true, {succeeded, failed}, {}, {}});
  const auto retried_by_current = [&] {
    return decide(record, retry_command{std::nullopt, true}, flow, wall_time{});
  };
  EXPECT_TRUE(
    std::holds_alternative<std::vector<job_event>>(retried_by_current()));
  auto& element = record.sub_actions.emplace_back();
  element.name = "b.0";
  element.of = "b";
  element.status = succeeded;
  const auto refused = retried_by_current();
  ASSERT_TRUE(std::holds_alternative<error>(refused));
  EXPECT_EQ(std::get<error>(refused).kind, error_kind::conflict);
}

TEST(RetryTest, LeavesAJobWhoseKeyIsAnotherJobs) {
  auto record = job_of({"", js::failed, false, {}, {}, {}});
  record.claim =
    idempotency_claim{"k", "body", wall_time{} + std::chrono::hours{24}};
  const auto retried_now = [&] {
    return decide(record, retry_command{}, flow_of_two(), wall_time{});
  };
  EXPECT_TRUE(std::holds_alternative<std::vector<job_event>>(retried_now()));
  apply(record, make_event(record, wall_time{}, key_released{"k"}));
  EXPECT_TRUE(std::holds_alternative<error>(retried_now()));
}

} // namespace
} // namespace handoff
