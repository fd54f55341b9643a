#include "job/verdict.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const json::json_pointer id{"/id"};
const wall_time now{std::chrono::seconds{1795867200}};

exchange answer(int status, headers fields = {}) {
  exchange done;
  done.status = status;
  done.headers = std::move(fields);
  done.sent = true;
  return done;
}

answer_reading ruled_as(ruled then, json found = nullptr) {
  answer_reading reading;
  reading.rule = ruling{then, 3s, "why"};
  if (!found.is_null())
    reading.answer = std::move(found);
  return reading;
}

answer_reading with(json found) {
  answer_reading reading;
  reading.answer = std::move(found);
  return reading;
}

clone_verdict clone_of(const exchange& done, const answer_reading& reading) {
  retry_policy policy;
  policy.retry_on = clone_retry_on();
  return judge_clone(done, id, policy, reading, now);
}

sub_action_verdict sub_of(const exchange& done, const answer_reading& reading) {
  retry_policy policy;
  policy.retry_on = sub_action_retry_on();
  return judge_sub_action(done, policy, reading, now);
}

} // namespace

TEST(JudgeTest, LetsARuleDecideOfAClone) {
  const json found{{"id", "p-1"}};

  const struct {
    int status;
    ruled then;
    clone_outcome expected;
  } rows[]{
    {200, ruled::succeed, clone_outcome::done},
    {422, ruled::succeed, clone_outcome::done},
    {200, ruled::fail, clone_outcome::failed},
    {503, ruled::fail, clone_outcome::failed},
    {429, ruled::fail, clone_outcome::failed},
    {200, ruled::retry, clone_outcome::retryable},
    {504, ruled::retry, clone_outcome::retryable},
    {400, ruled::unknown, clone_outcome::unknown},
  };

  for (const auto& row : rows) {
    const auto verdict =
      clone_of(answer(row.status), ruled_as(row.then, found));
    EXPECT_EQ(verdict.outcome, row.expected) << row.status;
    EXPECT_EQ(verdict.uid,
              row.expected == clone_outcome::done ? json("p-1") : json());
  }
  EXPECT_EQ(clone_of(answer(200), ruled_as(ruled::retry)).wait, 3s);
  EXPECT_EQ(clone_of(answer(200), ruled_as(ruled::fail)).failure,
            (error{error_kind::answer_refused,
                   "\"outcome\" calls the answer with status 200 a failure: "
                   "why"}));
}

TEST(JudgeTest, TakesAGoodAnswerWithoutAUidForUnknown) {
  for (const auto& found :
       {json::array(), json::object(), json{{"id", nullptr}}, json{{"id", ""}},
        json{{"id", 1.5}}, json{{"id", json::array({1})}}})
    EXPECT_EQ(clone_of(answer(200), with(found)).outcome,
              clone_outcome::unknown)
      << found;
  EXPECT_EQ(clone_of(answer(202), {}).outcome, clone_outcome::unknown);
  // Also where a rule calls it a success.
  EXPECT_EQ(clone_of(answer(409), ruled_as(ruled::succeed)).outcome,
            clone_outcome::unknown);
}

TEST(JudgeTest, TakesNotNowForNoAttempt) {
  EXPECT_EQ(clone_of(answer(429), {}).outcome, clone_outcome::throttled);
  EXPECT_EQ(sub_of(answer(429), {}).outcome, sub_action_outcome::throttled);
  const headers asked{{"Retry-After", "60"}};
  EXPECT_EQ(clone_of(answer(403, asked), {}).wait, 60s);
  EXPECT_EQ(sub_of(answer(403, asked), {}).wait, 60s);
  EXPECT_EQ(sub_of(answer(403), {}).outcome, sub_action_outcome::failed);
  EXPECT_EQ(sub_of(answer(429), ruled_as(ruled::fail)).outcome,
            sub_action_outcome::failed);
}

TEST(JudgeTest, LetsARuleDecideOfASubAction) {
  const struct {
    int status;
    ruled then;
    sub_action_outcome expected;
  } rows[]{
    {422, ruled::succeed, sub_action_outcome::succeeded},
    {200, ruled::fail, sub_action_outcome::failed},
    {200, ruled::retry, sub_action_outcome::retryable},
    {404, ruled::unknown, sub_action_outcome::retryable},
  };

  for (const auto& row : rows)
    EXPECT_EQ(sub_of(answer(row.status), ruled_as(row.then)).outcome,
              row.expected)
      << row.status;
}

TEST(JudgeTest, WaitsForWhatIsNotThereYet) {
  answer_reading reading;
  reading.seen = sight::not_yet;
  EXPECT_EQ(sub_of(answer(200), reading).outcome, sub_action_outcome::waiting);
  reading.seen = sight::done;
  EXPECT_EQ(sub_of(answer(200), reading).outcome,
            sub_action_outcome::succeeded);
  reading.seen = sight::failed;
  EXPECT_EQ(sub_of(answer(200), reading).outcome, sub_action_outcome::failed);
  EXPECT_EQ(sub_of(answer(200), reading).failure->kind,
            error_kind::wait_failed);
}

TEST(JudgeTest, FailsWhereNothingIsPicked) {
  answer_reading reading;
  reading.unreadable = error{error_kind::nothing_picked, "none"};
  EXPECT_EQ(sub_of(answer(200), reading).outcome, sub_action_outcome::failed);
  EXPECT_EQ(clone_of(answer(200), reading).outcome, clone_outcome::unknown);
}

} // namespace handoff
