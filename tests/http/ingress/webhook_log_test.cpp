#include "http/ingress/webhook_log.hpp"
#include "job/excerpt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

turned_away entry(const std::string& flow, int second = 0,
                  webhook_outcome outcome = webhook_outcome::malformed) {
  return {std::chrono::system_clock::time_point{std::chrono::seconds{second}},
          flow,
          "",
          outcome,
          400,
          "why",
          {{"Content-Type", "text/plain"}, {"Authorization", "Bearer t"}},
          "{}"};
}

TEST(WebhookLogTest, ShowsTheNewestFirst) {
  webhook_log log;
  log.add(entry("a", 1), nullptr);
  log.add(entry("b", 2, webhook_outcome::bad_signature), nullptr);
  const auto all = log.document({}).at("webhooks");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], (json{{"at", "1970-01-01T00:00:02.000Z"},
                          {"flow", "b"},
                          {"remote", nullptr},
                          {"outcome", "bad-signature"},
                          {"status", 400},
                          {"detail", "why"},
                          {"headers",
                           {{{"name", "Content-Type"}, {"value", "text/plain"}},
                            {{"name", "Authorization"}, {"value", "***"}}}},
                          {"body", "{}"}}));
  EXPECT_EQ(all[1].at("flow"), "a");
}

TEST(WebhookLogTest, ShowsWhatIsAskedFor) {
  webhook_log log;
  for (int second = 0; second < 5; ++second)
    log.add(entry(second % 2 == 0 ? "even" : "odd", second), nullptr);
  const auto count = [&](const webhook_log::filter& wanted) {
    return log.document(wanted).at("webhooks").size();
  };
  EXPECT_EQ(count({"even", {}, {}, 100}), 3u);
  EXPECT_EQ(count({{}, "malformed", {}, 100}), 5u);
  EXPECT_EQ(count({{}, "ignored", {}, 100}), 0u);
  EXPECT_EQ(count({{}, {}, entry("", 3).at, 100}), 2u);
  EXPECT_EQ(count({{}, {}, {}, 2}), 2u);
}

TEST(WebhookLogTest, KeepsTheLastThousandWithinBounds) {
  webhook_log log;
  for (int second = 0; second < 1'010; ++second) {
    auto one = entry("a", second);
    one.body = std::string(100'000, 'x');
    one.headers.push_back({"X-Long", std::string(60'000, 'y')});
    log.add(std::move(one), nullptr);
  }
  const auto all = log.document({{}, {}, {}, 1'000}).at("webhooks");
  ASSERT_EQ(all.size(), 1'000u);
  EXPECT_EQ(all[0].at("body").get<std::string>().size(), 2'048u);
  EXPECT_EQ(all[0].at("headers").size(), 2u) << "the long one is left out";
  EXPECT_EQ(all[999].at("at"), "1970-01-01T00:00:10.000Z");
}

TEST(WebhookLogTest, DrivesOutNothingOfAFlowByTheNoiseOfOthers) {
  webhook_log log;
  flow quiet;
  quiet.name = "quiet";
  flow noisy;
  noisy.name = "noisy";
  for (int second = 0; second < 5; ++second)
    log.add(entry("quiet", second), &quiet);
  for (int second = 5; second < 2'000; ++second) {
    log.add(entry("no-such-" + std::to_string(second), second), nullptr);
    log.add(entry("noisy", second), &noisy);
  }
  const auto of = [&](std::optional<std::string> flow) {
    return log.document({std::move(flow), {}, {}, 5'000}).at("webhooks").size();
  };
  EXPECT_EQ(of("quiet"), 5u);
  EXPECT_NEAR(static_cast<double>(of("noisy")), 498, 2);
  EXPECT_EQ(of({}), webhook_log::kept_max);
}

TEST(WebhookLogTest, TakesTheAddressThatTheProxyInFrontAdded) {
  EXPECT_EQ(remote_of({{"X-Forwarded-For", "1.1.1.1, 2.2.2.2"}}), "2.2.2.2");
  EXPECT_EQ(
    remote_of({{"X-Forwarded-For", "1.1.1.1"}, {"x-forwarded-for", "3.3.3.3"}}),
    "3.3.3.3");
  EXPECT_EQ(remote_of({}), "");
}

TEST(WebhookLogTest, TellsWhatIsOverALimitFromWhatIsMalformed) {
  EXPECT_EQ(outcome_of_unread(error_kind::invalid_request),
            webhook_outcome::malformed);
  for (const auto why :
       {error_kind::payload_too_large, error_kind::request_timeout})
    EXPECT_EQ(outcome_of_unread(why), webhook_outcome::refused);
}

TEST(WebhookLogTest, HidesSecretsOfTheFlow) {
  flow definition;
  definition.hidden = {{.value = "hunter2"}};
  definition.verify.credential_headers = {"x-mac"};
  webhook_log log;
  auto one = entry("a");
  one.headers = {{"x-mac", "abc"}, {"X-Other", "is hunter2"}};
  one.body = R"({"a": "hunter2"})";
  log.add(std::move(one), &definition);
  const auto text = log.document({}).dump();
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  EXPECT_THAT(text, Not(HasSubstr("abc")));
}

TEST(WebhookLogTest, HidesASecretThatStandsAtTheCut) {
  flow definition;
  definition.hidden = {{.value = "hunter2hunter2"}};
  webhook_log log;
  auto one = entry("a");
  one.body =
    std::string(webhook_log::body_bytes_max - 8, ' ') + "hunter2hunter2";
  log.add(std::move(one), &definition);
  EXPECT_THAT(log.document({}).dump(), Not(HasSubstr("hunter2")));
}

TEST(MaskedExcerptTest, HidesWhatIsNamedASecret) {
  struct {
    const char* body;
    const char* shown;
  } const rows[]{
    {"{}", "{}"},
    {R"({"a": 1, "token": "t", "b": "token"})",
     R"({"a": 1, "token": "***", "b": "token"})"},
    {R"({"api_key" : 17,"b":2})", R"({"api_key" : "***","b":2})"},
    {R"([{"password":"a\"b"},{"x":1}])", R"([{"password":"***"},{"x":1}])"},
    {R"({"token": "cut o)", R"({"token": "***")"},
    {R"({"token")", R"({"token")"},
    {R"({"tokens": ["a", 1], "b": [1]})",
     R"({"tokens": ["***", "***"], "b": [1]})"},
    {R"({"auth": {"user": "u", "pin": 1}, "b": 2})",
     R"({"auth": {"user": "u", "pin": "***"}, "b": 2})"},
    {"card%5Bpin%5D=1&card%5Bno%5D=2&codes[]=3&pin[]=4",
     "card%5Bpin%5D=***&card%5Bno%5D=2&codes[]=3&pin[]=***"},
    {"a=1&token=t%20t&b=2&secret", "a=1&token=***&b=2&secret"},
    {"no JSON at all", "no JSON at all"},
    {"", ""},
  };

  for (const auto& row : rows)
    EXPECT_EQ(masked_excerpt(row.body, 100), row.shown);
  EXPECT_EQ(masked_excerpt("{\"token\": \"0123456789\"}", 15),
            "{\"token\": \"***\"");
}

} // namespace
} // namespace handoff::test
