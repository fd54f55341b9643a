#include "config/flow_loader.hpp"
#include "http/ingress/handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff::test {
namespace {

using json = nlohmann::json;

class HandshakeTest : public ::testing::Test {
protected:
  static flow_ptr load(json more) {
    json definition{
      {"name", "setup"},
      {"clone",
       {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
        {"uid", "/id"}}}};
    definition.merge_patch(more);
    auto loaded = read_flow(definition, flow_defaults{}, "setup.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << each.what;
    return loaded.flow;
  }

  /// The answer; status 0: no rule fits, 400: it could not be made.
  reply ask(const flow_ptr& definition, std::string_view method,
            const json& body, bool verified = true) {
    auto answered = handshake(*definition, method, hook_, body, verified);
    if (std::holds_alternative<error>(answered))
      return {400, {}, {}};
    auto& answer = std::get<std::optional<handshake_answer>>(answered);
    if (!answer)
      return {0, {}, {}};
    shown_ = answer->shown;
    return answer->reply;
  }

  webhook hook_;
  std::optional<std::string> shown_;
};

TEST_F(HandshakeTest, AnswersWithTheFirstRuleThatFits) {
  const auto slack =
    load({{"handshake",
           {{{"when", {{"value", "{{body/type}}"}, {"is", "url_verification"}}},
             {"reply", {{"text", "{{body/challenge}}"}}}},
            {{"when", {{"value", "{{body/type}}"}, {"is", "ping"}}},
             {"reply", {{"status", 204}}}}}}});
  const auto answer =
    ask(slack, "POST", {{"type", "url_verification"}, {"challenge", "abc"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "abc");
  EXPECT_EQ(*find_header(answer.headers, "Content-Type"),
            "text/plain; charset=utf-8");
  const auto ping = ask(slack, "POST", {{"type", "ping"}});
  EXPECT_EQ(ping.status, 204);
  EXPECT_EQ(ping.body, "");
  EXPECT_EQ(ask(slack, "POST", {{"type", "event"}}).status, 0);
  EXPECT_EQ(ask(slack, "GET", {{"type", "ping"}}).status, 0);
}

TEST_F(HandshakeTest, AnswersAnybodyOnlyWhereTheRuleSaysSo) {
  const auto meta =
    load({{"verify", {{"scheme", "bearer"}, {"secret", "s"}}},
          {"handshake",
           {{{"method", "GET"},
             {"verified", false},
             {"when", {{"value", "{{query/hub.mode}}"}, {"is", "subscribe"}}},
             {"reply",
              {{"text", "{{query/hub.challenge}}"},
               {"headers", {{"x-content-type-options", "none"}}}}}},
            {{"when", {{"value", "{{body/type}}"}, {"is", "ping"}}},
             {"reply", {{"body", "pong"}}}}}}});
  EXPECT_TRUE(has_handshake(*meta, "GET", handshake_kind::unverified));
  EXPECT_FALSE(has_handshake(*meta, "POST", handshake_kind::unverified));
  EXPECT_TRUE(has_handshake(*meta, "POST"));
  EXPECT_EQ(allowed_methods(*meta), "POST, GET");
  hook_.query = {{"hub.mode", "subscribe"}, {"hub.challenge", "1158201444"}};
  const auto answer = ask(meta, "GET", nullptr, false);
  EXPECT_EQ(answer.body, "1158201444");
  EXPECT_EQ(*find_header(answer.headers, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(ask(meta, "POST", {{"type", "ping"}}, false).status, 0);
  EXPECT_EQ(ask(meta, "POST", {{"type", "ping"}}, true).status, 200);
}

TEST_F(HandshakeTest, BoundsWhatAnybodyMayHaveAnswered) {
  const auto echo =
    load({{"handshake",
           {{{"verified", false}, {"reply", {{"text", "{{body/v}}"}}}},
            {{"reply", {{"text", "x"}}}}}}});
  const auto head = std::string{"Content-Type"}.size()
                  + std::string{"text/plain; charset=utf-8"}.size();
  EXPECT_EQ(ask(echo, "POST", {{"v", std::string(4'096 - head, 'x')}}).status,
            200);
  EXPECT_EQ(ask(echo, "POST", {{"v", std::string(4'097 - head, 'x')}}).status,
            400);
}

TEST_F(HandshakeTest, IsRefusedWhereItsAnswerCannotBeMade) {
  const json rule{{"reply", {{"text", "{{body/v}}"}}}};
  const auto echo = load({{"handshake", json::array({rule})}});
  EXPECT_EQ(ask(echo, "POST", json::object()).status, 400);
}

TEST_F(HandshakeTest, ShowsAValueToTheOperator) {
  const json rule{{"reply", {{"status", 200}}}, {"show", "code {{body/code}}"}};
  const auto told = load({{"handshake", json::array({rule})}});
  EXPECT_EQ(ask(told, "POST", {{"code", 17}}).status, 200);
  EXPECT_EQ(shown_, "code 17");
}

TEST_F(HandshakeTest, IgnoresWebhooksThatTheFlowDoesNotWant) {
  const auto plain =
    load({{"when", {{"value", "{{body/action}}"}, {"is", "opened"}}}});
  EXPECT_FALSE(ignored_reply(*plain, hook_, {{"action", "opened"}}));
  const auto usual = ignored_reply(*plain, hook_, {{"action", "closed"}});
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->status, 200);
  EXPECT_EQ(json::parse(usual->body), (json{{"status", "ignored"}}));
  const auto own =
    load({{"when", {{"value", "{{body/a}}"}, {"is", 1}}},
          {"otherwise", {{"status", 202}, {"text", "not {{body/a}}"}}}});
  const auto said = ignored_reply(*own, hook_, {{"a", 2}});
  ASSERT_TRUE(said);
  EXPECT_EQ(said->status, 202);
  EXPECT_EQ(said->body, "not 2");
  EXPECT_FALSE(ignored_reply(*load(json::object()), hook_, nullptr))
    << "a flow without \"when\" wants all";
}

} // namespace
} // namespace handoff::test
