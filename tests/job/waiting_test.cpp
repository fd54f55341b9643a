// What follows looks at what an upstream works on, and what a record keeps of
// it.

#include "job/clone_plan.hpp"
#include "job/plan.hpp"
#include "job/step_plan.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json::json_pointer id{"/id"};
const wall_time now{std::chrono::seconds{1795867200}};

attempt numbered(std::uint32_t number) {
  attempt made;
  made.number = number;
  made.started = now;
  return made;
}

exchange answer(int status, headers fields = {}) {
  exchange done;
  done.status = status;
  done.headers = std::move(fields);
  done.sent = true;
  return done;
}

answer_reading with(sight seen, json found = json::object()) {
  answer_reading reading;
  reading.seen = seen;
  reading.answer = std::move(found);
  return reading;
}

class WaitingTest : public testing::Test {
protected:
  WaitingTest() {
    job fresh;
    fresh.id = "a";
    take(job_accepted{fresh, nullptr});
    take(clone_attempt_begun{numbered(1)});
  }

  bool take(job_change change) {
    return apply(record_, {"a", now, std::move(change)});
  }

  void clone() {
    auto made = numbered(1);
    made.ended = true;
    take(clone_succeeded{made, "uid", nullptr, {"x", "y"}});
  }

  step_result looked() {
    step_result result;
    result.step = sub_action_at(0);
    result.made = numbered(1);
    result.made.http_status = 200;
    result.verdict.outcome = sub_action_outcome::waiting;
    return result;
  }

  void begin_wait() {
    clone();
    take(step_begun{sub_action_at(0), numbered(1)});
    auto begun =
      std::get<wait_begun>(after_wait(record_, looked(), {2s, 10min}, now));
    take(begun);
  }

  job record_;
};

} // namespace

TEST_F(WaitingTest, BeginsAWaitOnceAndCountsNoAttempt) {
  begin_wait();
  const auto& step = record_.sub_actions[0];
  EXPECT_EQ(step.status, sub_action_status::retrying);
  EXPECT_EQ(step.wait_ends, now + 10min);
  EXPECT_EQ(step.next_attempt, now + 2s);
  EXPECT_EQ(step.counted, 0u);
  // The next look is not journaled.
  EXPECT_EQ(std::get<std::chrono::milliseconds>(
              after_wait(record_, looked(), {2s, 10min}, now + 5min)),
            2s);
}

TEST_F(WaitingTest, EndsAtTheEndThatTheWaitBeganWith) {
  begin_wait();
  // Other times in the flow do not move it.
  auto result = looked();
  result.made.number = 2;
  const auto next = after_wait(record_, result, {2s, 20min}, now + 10min);
  const auto& ended = std::get<step_ended>(next);
  EXPECT_EQ(ended.status, sub_action_status::failed);
  ASSERT_TRUE(ended.failure);
  EXPECT_EQ(ended.failure->kind, error_kind::wait_timed_out);
  EXPECT_NE(ended.failure->detail.find("status 200"), std::string::npos);
  take(ended);
  EXPECT_EQ(record_.sub_actions[0].status, sub_action_status::failed);
  // Who asks for it again has the whole time again.
  take(
    step_settled{sub_action_at(0), sub_action_status::waiting, std::nullopt});
  EXPECT_FALSE(record_.sub_actions[0].wait_ends);
}

TEST_F(WaitingTest, IsCancelledWithItsJob) {
  begin_wait();
  take(cancel_requested{});
  auto result = looked();
  result.made.number = 2;
  EXPECT_EQ(
    std::get<step_ended>(after_wait(record_, result, {2s, 10min}, now)).status,
    sub_action_status::cancelled);
}

TEST_F(WaitingTest, TakesAStepThatIsNotWantedForDone) {
  clone();
  take(step_settled{sub_action_at(0), sub_action_status::skipped,
                    error{error_kind::when_false, "no"}});
  std::vector<sub_action_rule> rules(2);
  rules[1].after = {0};
  const auto plan = next_step(rules, record_.sub_actions);
  EXPECT_EQ(plan.start, std::vector<std::size_t>{1});
  EXPECT_TRUE(plan.skip.empty());
  record_.sub_actions[1].status = sub_action_status::succeeded;
  EXPECT_EQ(status_of(record_.sub_actions), job_status::succeeded);
  // What was skipped for another reason makes the job fail.
  record_.sub_actions[0].failure.reset();
  EXPECT_EQ(status_of(record_.sub_actions), job_status::failed);
}

TEST_F(WaitingTest, CountsNotNowOfAStepInARow) {
  clone();
  take(step_begun{sub_action_at(0), numbered(1)});
  step_result early;
  early.step = sub_action_at(0);
  early.made = numbered(1);
  early.verdict.outcome = sub_action_outcome::throttled;
  early.verdict.failure = error{error_kind::throttled, "not now"};
  early.verdict.wait = 60s;
  const auto ended = after_attempt(record_, early, {}, 0, now);
  EXPECT_FALSE(ended.made.counted);
  EXPECT_EQ(ended.next_attempt, now + 60s);
  take(ended);
  EXPECT_EQ(record_.sub_actions[0].throttled_since, now);
  early.made.number = 2;
  early.verdict.failure = error{error_kind::throttled, "not now"};
  const auto last = after_attempt(record_, early, {}, 0, now + 14min + 30s);
  EXPECT_EQ(last.status, sub_action_status::failed);
  EXPECT_EQ(last.failure->kind, error_kind::throttled);
}

TEST_F(WaitingTest, EndsAWaitInTimeWhateverIsAnswered) {
  clone();
  take(step_begun{sub_action_at(0), numbered(1)});
  step_result busy;
  busy.step = sub_action_at(0);
  busy.made = numbered(1);
  busy.made.started = now;
  busy.made.http_status = 503;
  busy.verdict.outcome = sub_action_outcome::retryable;
  busy.verdict.failure = error{error_kind::upstream_status, "503"};
  busy.verdict.wait = 50s;
  const wait_rules rules{2s, 20s};
  const auto late = after_attempt(record_, busy, {}, 0, now, rules);
  EXPECT_EQ(late.status, sub_action_status::failed);
  EXPECT_EQ(late.failure->kind, error_kind::wait_timed_out);
  busy.verdict.wait = 10s;
  EXPECT_EQ(after_attempt(record_, busy, {}, 0, now, rules).next_attempt,
            now + 10s);
  EXPECT_EQ(after_attempt(record_, busy, {}, 0, now + 11s, rules).status,
            sub_action_status::failed);
}

TEST_F(WaitingTest, KeepsWhatWasAcceptedUntilTheCloneIsSettled) {
  auto made = numbered(1);
  made.ended = true;
  ASSERT_TRUE(take(clone_accepted{made, {{{"id", 7}}, now + 15min}}));
  EXPECT_EQ(record_.status, job_status::cloning);
  ASSERT_TRUE(record_.clone.accepted);
  EXPECT_FALSE(take(clone_accepted{made, {{{"id", 8}}, now}}))
    << "a repetition";
  clone_rules rules;
  rules.poll = wait_rules{2s, 15min};
  // Never another attempt, and the end does not move.
  EXPECT_EQ(after_crash(rules, record_, now + 1min, 0.5),
            (clone_step{clone_action::poll, 1s, std::nullopt}));
  EXPECT_EQ(after_crash(rules, record_, now + 1h, 0.5).action,
            clone_action::poll);
  take(clone_settled{
    std::nullopt, job_status::failed, {error_kind::clone_failed, "no"}});
  take(clone_reopened{});
  EXPECT_FALSE(record_.clone.accepted);
}

TEST_F(WaitingTest, JudgesTheFirstAnswerOfAClone) {
  const auto judge = [](const exchange& done, const answer_reading& reading) {
    return judge_polled_clone(done, id, {}, reading, now).outcome;
  };
  EXPECT_EQ(judge(answer(202), with(sight::not_yet)), clone_outcome::accepted);
  EXPECT_EQ(judge(answer(200), with(sight::failed)), clone_outcome::failed);
  EXPECT_EQ(judge(answer(200), with(sight::done, {{"id", 7}})),
            clone_outcome::done);
  EXPECT_EQ(judge(answer(200), with(sight::done)), clone_outcome::unknown);
  EXPECT_EQ(judge(answer(303, {{"Location", "/x"}}), {}),
            clone_outcome::accepted);
  EXPECT_EQ(judge(answer(303), {}), clone_outcome::failed);
  EXPECT_EQ(judge(answer(429), {}), clone_outcome::throttled);
  EXPECT_EQ(judge(answer(504), {}), clone_outcome::unknown);
}

TEST_F(WaitingTest, JudgesPolls) {
  const auto judge = [](const exchange& done, const answer_reading& reading) {
    return judge_poll(done, id, reading, now).finding;
  };
  EXPECT_EQ(judge(answer(200), with(sight::not_yet)), poll_finding::not_yet);
  EXPECT_EQ(judge(answer(200), with(sight::failed)), poll_finding::failed);
  EXPECT_EQ(judge(answer(200), with(sight::done, {{"id", "p"}})),
            poll_finding::done);
  EXPECT_EQ(judge(answer(200), with(sight::done)), poll_finding::lost);
  EXPECT_EQ(judge(answer(404), {}), poll_finding::gone);
  EXPECT_EQ(judge(answer(410), {}), poll_finding::gone);
  EXPECT_EQ(judge(answer(500), {}), poll_finding::no_answer);
  EXPECT_EQ(judge(answer(429, {{"Retry-After", "9"}}), {}),
            poll_finding::no_answer);
  EXPECT_EQ(judge_poll(answer(429, {{"Retry-After", "9"}}), id, {}, now).wait,
            9s);
}

TEST_F(WaitingTest, NeverMakesAnAcceptedCloneAgain) {
  clone_rules rules;
  rules.retry.max_attempts = 100;
  rules.safe_to_repeat = true;
  rules.poll = wait_rules{2s, 15min};
  poll_end made;
  made.now = now;
  made.ends = now + 1min;
  poll_verdict verdict;
  for (const auto finding : {poll_finding::not_yet, poll_finding::no_answer}) {
    verdict.finding = finding;
    EXPECT_EQ(after_poll(rules, verdict, made),
              (clone_step{clone_action::poll, 2s, std::nullopt}));
  }
  verdict.finding = poll_finding::gone;
  made.gone = 1;
  EXPECT_EQ(after_poll(rules, verdict, made).action, clone_action::poll);
  made.gone = 2;
  EXPECT_EQ(after_poll(rules, verdict, made).action, clone_action::surrender);
  made.gone = 0;
  made.ends = now;
  verdict.finding = poll_finding::not_yet;
  EXPECT_EQ(after_poll(rules, verdict, made).action, clone_action::surrender);
  verdict.finding = poll_finding::failed;
  EXPECT_EQ(after_poll(rules, verdict, made).action, clone_action::fail);
  rules.probe = probe_rules{};
  verdict.finding = poll_finding::lost;
  EXPECT_EQ(after_poll(rules, verdict, made).action, clone_action::probe);
  // A probe that finds nothing is no reason to make it again.
  probe_end looked;
  looked.finding = probe_finding::not_found;
  looked.is_accepted = true;
  looked.now = looked.ends = now;
  EXPECT_EQ(after_probe(rules, looked).action, clone_action::surrender);
}

} // namespace handoff
