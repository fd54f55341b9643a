#include "config/answer_excerpt.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

exchange answer(std::string body, std::string type = "application/json") {
  exchange done;
  done.status = 422;
  done.headers = {{"content-type", std::move(type)}};
  done.body = std::move(body);
  return done;
}

TEST(AnswerExcerptTest, MasksSecretsAsTheyAreAndAsJsonWritesThem) {
  const secrets hidden{{"a/b\"c-secret", "env:S"}};
  const auto made = excerpt_of(
    hidden, answer(R"({"raw":"a/b\"c-secret","php":"a\/b\"c-secret"})"));
  EXPECT_EQ(made->body, R"({"raw":"***","php":"***"})");
  EXPECT_EQ(excerpt_of(hidden, answer("a/b\"c-secret", "text/plain"))->body,
            "***");
}

TEST(AnswerExcerptTest, MasksSecretsOfTheConnection) {
  auto through = std::make_shared<connection>();
  through->hidden = {{"of-the-connection", "env:C"}};
  EXPECT_EQ(
    excerpt_of({}, answer("of-the-connection", "text/plain"), through)->body,
    "***");
}

TEST(AnswerExcerptTest, MasksSecretsThatTheAnswerEncodes) {
  auto through = std::make_shared<connection>();
  through->hidden = {{"tok+en/of=it", "env:C"}};
  const auto made = excerpt_of(
    {},
    answer(
      R"({"url":"https:\/\/a.example\/?key=tok%2ben%2fof%3dit","n":"tok+en\u002fof=it"})"),
    through);
  EXPECT_EQ(made->body, R"({"url":"https:\/\/a.example\/?key=***","n":"***"})");
}

TEST(AnswerExcerptTest, CutsAfterMasking) {
  // The secret begins within the bytes that are kept and ends behind them.
  const secrets hidden{{"0123456789", "env:S"}};
  const auto made = excerpt_of(
    hidden, answer(std::string(excerpt_bytes_max - 4, 'x') + "0123456789",
                   "text/plain"));
  EXPECT_EQ(made->body, std::string(excerpt_bytes_max - 4, 'x') + "***");
  EXPECT_FALSE(made->is_cut);
  EXPECT_TRUE(
    excerpt_of({}, answer(std::string(excerpt_bytes_max + 1, 'x')))->is_cut);
}

TEST(AnswerExcerptTest, IsNoneWithoutAnAnswer) {
  exchange lost;
  lost.failure = error{error_kind::connection_lost, "reset"};
  EXPECT_EQ(excerpt_of({}, lost), nullptr);
}

TEST(AnswerExcerptTest, IsUtf8WhateverCame) {
  const auto made = excerpt_of(
    {}, answer("\xff\xfe" + std::string(excerpt_bytes_max, 'x'), "image/\xff"));
  EXPECT_EQ(made->content_type, "image/\xef\xbf\xbd");
  EXPECT_LE(made->body.size(), excerpt_bytes_max);
}

// Thousands of jobs keep one while they wait: the room of what was looked at
// must not stay with it.
TEST(AnswerExcerptTest, TakesNoMoreMemoryThanItShows) {
  const auto long_answer = answer(std::string(60'000, 'x'), "text/plain");
  const auto whole = excerpt_of({}, long_answer);
  EXPECT_EQ(whole->body.size(), excerpt_bytes_max);
  EXPECT_LE(whole->body.capacity(), excerpt_bytes_max + 16);
  const auto waiting =
    excerpt_of({}, long_answer, nullptr, waiting_excerpt_bytes_max);
  EXPECT_EQ(waiting->body.size(), waiting_excerpt_bytes_max);
  EXPECT_TRUE(waiting->is_cut);
  EXPECT_LE(waiting->body.capacity(), waiting_excerpt_bytes_max + 16);
}

} // namespace
} // namespace handoff
