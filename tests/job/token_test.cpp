#include "job/token.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;

exchange answered(int status, std::string body) {
  exchange done;
  done.sent = true;
  done.status = status;
  done.body = std::move(body);
  return done;
}

error failure_of(const exchange& done) {
  const auto read = read_token_answer(done);
  const auto* why = std::get_if<error>(&read);
  return why != nullptr ? *why : error{error_kind::internal, "none"};
}

} // namespace

TEST(TokenTest, ReadsWhatAnEndpointGives) {
  const auto read = read_token_answer(answered(
    200,
    R"({"access_token": "abc", "expires_in": 3600, "refresh_token": "r"})"));
  const auto& made = std::get<token_answer>(read);
  EXPECT_EQ(made.access_token, "abc");
  EXPECT_EQ(made.expires_in, 3'600'000ms);
  EXPECT_EQ(made.refresh_token, "r");
}

TEST(TokenTest, TakesALifeThatIsATextOrMissing) {
  const auto as_text = read_token_answer(
    answered(200, R"({"access_token": "abc", "expires_in": "60"})"));
  EXPECT_EQ(std::get<token_answer>(as_text).expires_in, 60'000ms);
  const auto without =
    read_token_answer(answered(200, R"({"access_token": "abc"})"));
  EXPECT_EQ(std::get<token_answer>(without).expires_in, std::nullopt);
}

TEST(TokenTest, SaysWhyThereIsNoneAndNothingOfTheAnswer) {
  EXPECT_EQ(failure_of(answered(200, "abc secret")).kind,
            error_kind::token_missing);
  EXPECT_EQ(failure_of(answered(200, R"({"access_token": "a b"})")).kind,
            error_kind::token_missing);
  const auto down = failure_of(answered(503, "secret"));
  EXPECT_EQ(down.kind, error_kind::token_missing);
  EXPECT_EQ(down.detail, "the token endpoint answered with status 503");
  const auto lost = failure_of(answered(
    400, R"({"error": "invalid_grant", "error_description": "secret"})"));
  EXPECT_EQ(lost.kind, error_kind::unauthorized);
  EXPECT_EQ(lost.detail,
            "the token endpoint answered with status 400, invalid_grant");
  EXPECT_EQ(failure_of(answered(400, R"({"error": "secret"})")).detail,
            "the token endpoint answered with status 400");
}

TEST(TokenTest, AsksAgainLaterAndLater) {
  EXPECT_EQ(token_backoff(1, {}), 1s);
  EXPECT_EQ(token_backoff(2, {}), 2s);
  EXPECT_EQ(token_backoff(5, {}), 16s);
  EXPECT_EQ(token_backoff(6, {}), 30s);
  EXPECT_EQ(token_backoff(1'000, {}), 30s);
  EXPECT_EQ(token_backoff(1, 60s), 60s);
  EXPECT_EQ(token_backoff(1, 24h), 10min);
}

TEST(TokenTest, RenewsATokenThatIsRefusedOnce) {
  auto done = answered(401, "");
  answer_reading without_token;
  judge_token(without_token, done, {401}, false);
  EXPECT_FALSE(without_token.rule);

  done.token = 7;
  answer_reading first;
  judge_token(first, done, {401}, false);
  ASSERT_TRUE(first.rule);
  EXPECT_EQ(first.rule->then, ruled::refresh);
  answer_reading again;
  judge_token(again, done, {401}, true);
  EXPECT_FALSE(again.rule);
  answer_reading other;
  judge_token(other, done, {403}, false);
  EXPECT_FALSE(other.rule);
}

TEST(TokenTest, LetsARuleOfTheFlowGoBeforeTheStatus) {
  auto done = answered(401, "");
  done.token = 7;
  answer_reading ruled_out;
  ruled_out.rule = ruling{ruled::fail, std::nullopt, {}};
  judge_token(ruled_out, done, {401}, false);
  EXPECT_EQ(ruled_out.rule->then, ruled::fail);
  answer_reading asked;
  asked.rule = ruling{ruled::refresh, std::nullopt, {}};
  judge_token(asked, done, {401}, true);
  EXPECT_EQ(asked.rule->then, ruled::fail);
}

TEST(TokenTest, KnowsThatTheLastAttemptWasRefused) {
  attempt refused;
  refused.ended = true;
  refused.failure = error{error_kind::token_refused, ""};
  attempt good;
  good.ended = true;
  const attempt under_way;
  EXPECT_FALSE(was_token_refused({}));
  EXPECT_TRUE(was_token_refused({good, refused}));
  EXPECT_TRUE(was_token_refused({refused, under_way}));
  EXPECT_FALSE(was_token_refused({refused, good, under_way}));
}

TEST(TokenTest, HidesATokenThatAnAnswerRepeats) {
  auto done = answered(200, "you sent Bearer abcdefgh, abcdefgh");
  done.headers = {{"X-Echo", "abcdefgh"}};
  hide_token(done, "abcdefgh");
  EXPECT_EQ(done.body, "you sent Bearer ***, ***");
  EXPECT_EQ(done.headers[0].value, "***");
}

} // namespace handoff
