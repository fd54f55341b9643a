// What a webhook becomes: deadlines, preferences, the idempotency claim, and
// what is hidden of it.

#include "actors/order.hpp"
#include "config/flow_loader.hpp"
#include "config/sha256.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class OrderTest : public ::testing::Test {
protected:
  /// A flow; `more` is merged into it.
  static flow_ptr flow_with(const json& more = json::object()) {
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

  static flow_ptr keyed_by(const std::string& key) {
    return flow_with({{"idempotency", {{"key", key}, {"keep", "1h"}}}});
  }

  result<std::shared_ptr<clone_order>>
  make(const flow_ptr& definition, headers fields, std::string raw = "{}") {
    auto body = json::parse(raw);
    return make_order(
      definition,
      {std::move(fields), query, webhook_body{std::move(raw)}, std::move(body)},
      facts);
  }

  std::shared_ptr<clone_order>
  order_of(const flow_ptr& definition, headers fields, std::string raw = "{}") {
    auto made = make(definition, std::move(fields), std::move(raw));
    if (const auto* failed = std::get_if<error>(&made)) {
      ADD_FAILURE() << failed->detail;
      return std::make_shared<clone_order>();
    }
    return std::get<std::shared_ptr<clone_order>>(std::move(made));
  }

  OrderTest() {
    facts.job = "01J0000000000000000000000";
    facts.received = wall_time{1'000'000s};
    facts.arrived = responder::time_point{500s};
    facts.now = facts.arrived + 20ms;
  }

  std::vector<std::pair<std::string, std::string>> query;
  order_facts facts;
};

TEST_F(OrderTest, CountsTheDeadlineFromTheArrival) {
  const auto order = order_of(flow_with(), {});
  EXPECT_EQ(order->journal_by - facts.arrived, 9'500ms);
  EXPECT_EQ(order->answer_by, order->journal_by);
  EXPECT_EQ(order->record.deadline - facts.received, 9'480ms)
    << "20 ms are over";
  EXPECT_TRUE(order->fresh);
  EXPECT_EQ(order->record.id, facts.job);
  EXPECT_EQ(order->record.hook.job, facts.job);
  EXPECT_EQ(order->record.flow, "setup");
}

TEST_F(OrderTest, TakesTheShorterOfTheTwoLimits) {
  EXPECT_EQ(
    order_of(flow_with({{"deadline", {{"limit", "2s"}}}}), {})->answer_by
      - facts.arrived,
    1'500ms);
  facts.limit = 1s;
  EXPECT_EQ(order_of(flow_with(), {})->answer_by - facts.arrived, 500ms);
  facts.margin = 3s;
  EXPECT_EQ(order_of(flow_with(), {})->answer_by, facts.arrived)
    << "never before the webhook came";
}

TEST_F(OrderTest, HonoursPreferences) {
  struct {
    const char* field;
    std::chrono::milliseconds answered_after;
    bool async;
    const char* applied;
  } const rows[]{
    {"", 9'500ms, false, ""},
    {"respond-async", 9'500ms, true, "respond-async"},
    {"wait=4", 3'500ms, false, "wait=4"},
    {"wait=0", 0ms, false, "wait=0"},
    {"wait=60", 9'500ms, false, ""}, // never later
    {"respond-async, wait=4", 3'500ms, false, "respond-async, wait=4"},
    {"respond-async, wait=60", 9'500ms, false, "respond-async"},
    {"unknown, wait=x", 9'500ms, false, ""},
  };

  for (const auto& row : rows) {
    const auto order = order_of(flow_with(), {{"Prefer", row.field}});
    EXPECT_EQ(order->answer_by - facts.arrived, row.answered_after)
      << row.field;
    EXPECT_EQ(order->journal_by - facts.arrived, 9'500ms) << row.field;
    EXPECT_EQ(order->respond_async, row.async) << row.field;
    EXPECT_EQ(order->preference_applied, row.applied) << row.field;
  }
}

TEST_F(OrderTest, ClaimsTheKeyForTheBytesOfTheBody) {
  const auto order = order_of(flow_with({{"idempotency", {{"keep", "1h"}}}}),
                              {{"idempotency-key", "k-1"}}, "{ \"a\": 1.0 }");
  EXPECT_EQ(order->record.claim,
            (idempotency_claim{"k-1", sha256_hex("{ \"a\": 1.0 }"),
                               facts.received + 1h}));
}

// A flow that is changed back must still know the webhook by its bytes.
TEST_F(OrderTest, KeepsTheBodysFingerprintWhateverTheFlowComparesNow) {
  const auto any = flow_with({{"idempotency", {{"body", "any"}}}});
  const headers key{{"Idempotency-Key", "k"}};
  EXPECT_EQ(order_of(any, key, "{}")->record.claim,
            order_of(flow_with(), key, "{}")->record.claim);
  EXPECT_NE(order_of(flow_with(), key, "{}")->record.claim,
            order_of(flow_with(), key, R"({"attempt": 2})")->record.claim);
}

TEST_F(OrderTest, KeepsThePartsOfTheBodyThatTheFlowRefersTo) {
  const auto some =
    flow_with({{"clone",
                {{"request",
                  {{"url", "http://127.0.0.1:9/{{body/a/id}}"},
                   {"body", {{"name", "{{body/name ?? \"none\"}}"}}}}}}}});
  const auto small = R"({"a": {"id": 7, "x": 1}, "name": "n", "y": [1, 2]})";
  EXPECT_EQ(*order_of(some, {}, small)->record.hook.parts, json::parse(small));
  auto document = json::parse(small);
  document["y"] = std::string(20'000, 'y');
  const auto text = document.dump();
  const auto hook = order_of(some, {}, text)->record.hook;
  ASSERT_NE(hook.parts, nullptr);
  EXPECT_EQ(*hook.parts, (json{{"a", {{"id", 7}}}, {"name", "n"}}));
  EXPECT_EQ(hook.body.bytes(), text);
  // What would take much memory is read from the text each time.
  const auto large = json{{"a", {{"id", std::string(20'000, 'x')}}}}.dump();
  EXPECT_EQ(order_of(some, {}, large)->record.hook.parts, nullptr);
}

TEST_F(OrderTest, BoundsTheKeyThatIsJournaled) {
  const std::string longest(256, 'k');
  EXPECT_EQ(
    order_of(flow_with(), {{"Idempotency-Key", longest}})->record.claim->key,
    longest);
  EXPECT_EQ(order_of(flow_with(), {{"Idempotency-Key", longest + 'k'}})
              ->record.claim->key,
            sha256_hex(longest + 'k'));
}

TEST_F(OrderTest, TellsAMissingKeyFromOneThatCannotBeMade) {
  const std::string from_body = "{{body/key}}";

  struct {
    std::string key;
    headers fields;
    const char* body;
    const char* claimed; ///< null: 400; "": never a duplicate
  } const rows[]{
    {"{{header/K}}", {{"k", "a"}}, "{}", "a"},
    {"{{header/K}}", {}, "{}", ""},
    {"{{header/K}}", {{"K", ""}}, "{}", ""},
    {"{{header/K}}", {{"K", "caf\xe9"}}, "{}", nullptr},
    {"{{header/K}}", {{"K", "caf\xc3\xa9"}}, "{}", "caf\xc3\xa9"},
    {"{{header/K}}", {{"K", "a"}, {"k", "a"}}, "{}", nullptr},
    {"{{header/K ?? \"d\"}}", {}, "{}", "d"},
    {from_body, {}, R"({"key": "a"})", "a"},
    {from_body, {}, R"({"key": 7})", "7"},
    {from_body, {}, R"({"key": ""})", ""},
    {from_body, {}, R"({"key": null})", ""},
    {from_body, {}, R"({"key": {"a": 1}})", nullptr},
    {from_body, {}, R"({"key": ["a"]})", nullptr},
    {from_body, {}, "[]", ""},
    {"{{header/K}}-{{body/key}}", {{"K", "a"}}, R"({"key": "b"})", "a-b"},
    {"{{header/K}}-{{body/key}}", {{"K", "a"}}, "{}", ""},
    {"{{header/K}}-{{body/key}}", {{"K", "a"}}, R"({"key": []})", nullptr},
  };

  for (const auto& row : rows) {
    const auto made = make(keyed_by(row.key), row.fields, row.body);
    const auto where = row.key + " of " + row.body;
    if (const auto* failed = std::get_if<error>(&made)) {
      EXPECT_EQ(row.claimed, nullptr) << where << ": " << failed->detail;
      EXPECT_EQ(failed->kind, error_kind::invalid_request) << where;
      continue;
    }
    const auto& claim =
      std::get<std::shared_ptr<clone_order>>(made)->record.claim;
    ASSERT_NE(row.claimed, nullptr) << where;
    EXPECT_EQ(claim ? claim->key : "", row.claimed) << where;
  }
}

TEST_F(OrderTest, RefusesSeveralIdempotencyKeys) {
  const auto made =
    make(flow_with(), {{"Idempotency-Key", "a"}, {"idempotency-key", "b"}});
  ASSERT_TRUE(std::holds_alternative<error>(made));
  EXPECT_THAT(std::get<error>(made).detail,
              HasSubstr("Idempotency-Key appears 2 times"));
}

TEST_F(OrderTest, HidesCredentialsThatTheFlowDoesNotReferTo) {
  query = {{"access_token", "q"}, {"page", "1"}};
  const auto hook =
    order_of(flow_with({{"verify",
                         {{"scheme", "hmac-sha256"},
                          {"secret", "s"},
                          {"header", "X-Acme-Mac"}}},
                        {"idempotency", {{"key", "{{header/X-Token}}"}}}}),
             {{"authorization", "Bearer a"},
              {"X-ACME-MAC", "b"},
              {"X-Token", "c"},
              {"X-Request-Id", "d"}})
      ->record.hook;
  EXPECT_EQ(*find_header(hook.headers, "Authorization"), "***");
  EXPECT_EQ(*find_header(hook.headers, "X-Acme-Mac"), "***");
  EXPECT_EQ(*find_header(hook.headers, "X-Token"), "c");
  EXPECT_EQ(*find_header(hook.headers, "X-Request-Id"), "d");
  EXPECT_EQ(hook.query, (std::vector<std::pair<std::string, std::string>>{
                          {"access_token", "***"}, {"page", "1"}}));
}

TEST_F(OrderTest, GivesTheSameOrderForTheSameFacts) {
  facts.trace = trace_of({{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-"
                                          "b7ad6b7169203331-01"}});
  const auto one = order_of(flow_with(), {{"Idempotency-Key", "k"}});
  const auto two = order_of(flow_with(), {{"Idempotency-Key", "k"}});
  EXPECT_EQ(one->record.claim, two->record.claim);
  EXPECT_EQ(one->record.deadline, two->record.deadline);
  EXPECT_EQ(one->record.hook.trace.trace_id,
            "0af7651916cd43dd8448eb211c80319c");
}

} // namespace
} // namespace handoff::test
