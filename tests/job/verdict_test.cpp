#include "job/json_text.hpp"
#include "job/verdict.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using clone_is = clone_outcome;
using sub_is = sub_action_outcome;

const nlohmann::json::json_pointer id{"/id"};

retry_policy policy_of(std::vector<int> retry_on) {
  retry_policy policy;
  policy.retry_on = std::move(retry_on);
  return policy;
}

exchange answer(int status, std::string body = "{}") {
  exchange done;
  done.status = status;
  done.body = std::move(body);
  done.sent = true;
  return done;
}

exchange broken(error_kind kind, bool sent) {
  exchange done;
  done.failure = error{kind, "broken"};
  done.sent = sent;
  return done;
}

clone_verdict clone_of(const exchange& done) {
  return judge_clone(done, id, policy_of(clone_retry_on()));
}

sub_action_verdict sub_of(const exchange& done) {
  return judge_sub_action(done, policy_of(sub_action_retry_on()));
}

} // namespace

TEST(CloneVerdictTest, TakesUidThatIsTextOrInteger) {
  for (const auto* uid : {"7", "-7", "18446744073709551615",
                          "123456789012345678901", "\"a\"", "\"ü\""}) {
    const auto verdict =
      clone_of(answer(201, std::string{"{\"id\":"} + uid + "}"));
    EXPECT_EQ(verdict.outcome, clone_is::done) << uid;
    EXPECT_EQ(json_text(verdict.uid), uid);
    EXPECT_EQ(verdict.answer.at("id"), verdict.uid);
    EXPECT_FALSE(verdict.failure);
  }
  const auto longest = "{\"id\":\"" + std::string(512, 'x') + "\"}";
  EXPECT_EQ(clone_of(answer(200, longest)).outcome, clone_is::done);
  const auto largest = "{\"id\":" + std::string(512, '9') + "}";
  EXPECT_EQ(clone_of(answer(200, largest)).outcome, clone_is::done);
}

TEST(CloneVerdictTest, DoesNotKnowWithoutUsableUid) {
  for (const auto& body :
       {std::string{}, std::string{"no json"}, std::string{"[]"},
        std::string{"7"}, std::string{"{}"}, std::string{R"({"id":null})"},
        std::string{R"({"id":""})"}, std::string{R"({"id":1.5})"},
        std::string{R"({"id":true})"}, std::string{R"({"id":[1]})"},
        "{\"id\":\"" + std::string(513, 'x') + "\"}",
        "{\"id\":" + std::string(513, '9') + "}",
        "{\"id\":7,\"deep\":" + std::string(100'000, '[')
          + std::string(100'000, ']') + "}"}) {
    const auto verdict = clone_of(answer(200, body));
    EXPECT_EQ(verdict.outcome, clone_is::unknown) << body.substr(0, 80);
    ASSERT_TRUE(verdict.failure);
    EXPECT_EQ(verdict.failure->kind, error_kind::uid_missing);
  }
}

TEST(CloneVerdictTest, JudgesStatuses) {
  const struct {
    int status;
    clone_outcome outcome;
  } rows[] = {
    {301, clone_is::failed},    {400, clone_is::failed},
    {404, clone_is::failed},    {408, clone_is::failed},
    {429, clone_is::retryable}, {500, clone_is::failed},
    {502, clone_is::unknown},   {503, clone_is::retryable},
    {504, clone_is::unknown},
  };

  for (const auto& row : rows) {
    const auto verdict = clone_of(answer(row.status));
    EXPECT_EQ(verdict.outcome, row.outcome) << row.status;
    EXPECT_EQ(verdict.failure->kind, error_kind::upstream_status);
  }
}

TEST(CloneVerdictTest, KnowsNothingOfGatewayThatGaveUpWhateverPolicySays) {
  const auto policy = policy_of({502, 504});
  EXPECT_EQ(judge_clone(answer(502), id, policy).outcome, clone_is::unknown);
  EXPECT_EQ(judge_clone(answer(504), id, policy).outcome, clone_is::unknown);
}

TEST(CloneVerdictTest, JudgesWhatBroke) {
  const struct {
    error_kind kind;
    bool sent;
    clone_outcome outcome;
  } rows[] = {
    {error_kind::name_not_resolved, false, clone_is::retryable},
    {error_kind::connect_failed, false, clone_is::retryable},
    {error_kind::tls_failed, false, clone_is::retryable},
    {error_kind::attempt_timed_out, false, clone_is::retryable},
    {error_kind::address_refused, false, clone_is::failed},
    {error_kind::template_failed, false, clone_is::failed},
    {error_kind::overloaded, false, clone_is::uncounted},
    {error_kind::breaker_open, false, clone_is::uncounted},
    {error_kind::shut_down, false, clone_is::uncounted},
    {error_kind::attempt_timed_out, true, clone_is::unknown},
    {error_kind::connection_lost, true, clone_is::unknown},
    {error_kind::answer_too_large, true, clone_is::unknown},
    {error_kind::shut_down, true, clone_is::unknown},
  };

  for (const auto& row : rows)
    EXPECT_EQ(clone_of(broken(row.kind, row.sent)).outcome, row.outcome)
      << name(row.kind) << ' ' << row.sent;
}

TEST(SubActionVerdictTest, JudgesStatuses) {
  const struct {
    int status;
    sub_action_outcome outcome;
  } rows[] = {
    {200, sub_is::succeeded}, {204, sub_is::succeeded},
    {302, sub_is::failed},    {400, sub_is::failed},
    {401, sub_is::failed},    {404, sub_is::failed},
    {408, sub_is::retryable}, {409, sub_is::failed},
    {425, sub_is::retryable}, {429, sub_is::retryable},
    {500, sub_is::retryable}, {501, sub_is::failed},
    {502, sub_is::retryable}, {503, sub_is::retryable},
    {504, sub_is::retryable},
  };

  for (const auto& row : rows)
    EXPECT_EQ(sub_of(answer(row.status)).outcome, row.outcome) << row.status;
}

TEST(SubActionVerdictTest, ReadsAnswerThatIsWanted) {
  const auto policy = policy_of(sub_action_retry_on());
  const auto judge = [&](std::string body, bool wanted = true) {
    return judge_sub_action(answer(200, std::move(body)), policy, wanted);
  };
  EXPECT_EQ(judge(R"({"id":7})").answer, nlohmann::json({{"id", 7}}));
  EXPECT_TRUE(judge(R"({"id":7})", false).answer.is_null());
  EXPECT_EQ(judge("done").outcome, sub_is::succeeded);
  EXPECT_TRUE(judge("done").answer.is_null());
  const auto deep = std::string(200'000, '[');
  EXPECT_EQ(judge(deep, false).outcome, sub_is::succeeded);
  const auto refused = judge(deep);
  EXPECT_EQ(refused.outcome, sub_is::failed);
  EXPECT_EQ(refused.failure->kind, error_kind::answer_malformed);
}

TEST(SubActionVerdictTest, JudgesWhatBroke) {
  const struct {
    error_kind kind;
    bool sent;
    sub_action_outcome outcome;
  } rows[] = {
    {error_kind::connect_failed, false, sub_is::retryable},
    {error_kind::connection_lost, true, sub_is::retryable},
    {error_kind::attempt_timed_out, true, sub_is::retryable},
    {error_kind::address_refused, false, sub_is::failed},
    {error_kind::answer_too_large, true, sub_is::failed},
    {error_kind::overloaded, false, sub_is::uncounted},
    {error_kind::breaker_open, false, sub_is::uncounted},
    {error_kind::shut_down, true, sub_is::uncounted},
  };

  for (const auto& row : rows)
    EXPECT_EQ(sub_of(broken(row.kind, row.sent)).outcome, row.outcome)
      << name(row.kind) << ' ' << row.sent;
}

TEST(NextAttemptTest, ComesUntilPolicyIsUsedUp) {
  retry_policy policy;
  policy.max_attempts = 3;
  EXPECT_EQ(next_attempt_in(policy, 0, 0, std::nullopt), 500ms);
  EXPECT_EQ(next_attempt_in(policy, 1, 0, std::nullopt), 500ms);
  EXPECT_EQ(next_attempt_in(policy, 2, 0, std::nullopt), 1s);
  EXPECT_EQ(next_attempt_in(policy, 2, 0, 5s), 5s);
  EXPECT_FALSE(next_attempt_in(policy, 3, 0, std::nullopt));
  policy.max_attempts = 1;
  EXPECT_FALSE(next_attempt_in(policy, 1, 0, std::nullopt));
}

} // namespace handoff
