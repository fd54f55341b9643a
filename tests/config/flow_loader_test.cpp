#include "config/flow_loader.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

namespace handoff::test {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::string messages(const problems& found) {
  std::string text;
  for (const auto& each : found)
    text += to_string(each) + "\n";
  return text;
}

class FlowLoaderTest : public ::testing::Test {
protected:
  FlowLoaderTest() {
    ::setenv("HOOK_SECRET", "whsec_aG9vay1zM2NyZXQ=", 1);
    ::setenv("API_TOKEN", "{{uid}}-s3cret", 1);
    ::setenv("CALLBACK_SECRET", "Y2FsbGJhY2stczNjcmV0", 1);
    ::setenv("QUOTED", "quote\"d", 1);
  }

  flow_ptr good(std::string_view text) {
    const auto loaded = load_flow(folder_.write("f.json", text), defaults_);
    EXPECT_EQ(messages(loaded.errors), "");
    return loaded.flow;
  }

  loaded_flows load_all() {
    return load_flows(folder_.path(), defaults_, true);
  }

  temporary_folder folder_;
  flow_defaults defaults_;
};

/// The example of the documentation.
constexpr std::string_view everything = R"({
  "$schema": "flow.schema.json",
  "name": "project-setup", // a comment
  "verify": { "scheme": "standard-webhooks", "secret": "${env:HOOK_SECRET}" },
  "idempotency": { "key": "{{header/Idempotency-Key}}", "keep": "24h" },
  "deadline": { "limit": "10s" },
  "clone": {
    "request": { "method": "POST", "url": "http://127.0.0.1:9001/projects/{{body/template}}/clone",
                 "headers": { "Authorization": "Bearer ${env:API_TOKEN}" },
                 "body": { "name": "{{body/name}}" } },
    "uid": "/id",
    "timeout": "9s",
    "retry": { "max_attempts": 2 },
    "probe": { "request": { "method": "GET", "url": "http://127.0.0.1:9001/projects?marker={{job}}" }, "uid": "/items/0/id" }
  },
  "reply": { "status": 200, "body": { "uid": "{{uid}}" } },
  "sub_actions": [
    { "name": "share", "request": { "method": "POST", "url": "http://127.0.0.1:9001/projects/{{uid}}/share", "headers": { "X-Key": "${env:QUOTED}" }, "body": { "with": "{{body/team}}" } } },
    { "name": "folder", "request": { "method": "POST", "url": "http://127.0.0.1:9001/projects/{{uid}}/folders" } },
    { "name": "file", "after": ["folder"], "request": { "method": "PUT", "url": "http://127.0.0.1:9001/folders/{{sub/folder/id}}/readme" },
      "retry": { "max_attempts": 8, "retry_on": [408, 425, 429, 500, 502, 503, 504] }, "on_failure": "continue" }
  ],
  "callback": { "url": "https://sender.example/done", "secret": "${env:CALLBACK_SECRET}", "on": ["cloned", "succeeded", "failed"] }
})";

} // namespace

TEST_F(FlowLoaderTest, ReadsEverything) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->name, "project-setup");
  EXPECT_EQ(made->version.size(), 64u);
  EXPECT_EQ(made->verify.scheme, verify_scheme::hmac);
  EXPECT_EQ(made->verify.secrets,
            std::vector<std::string>{"whsec_aG9vay1zM2NyZXQ="});
  EXPECT_EQ(made->clone.retry.attempt_timeout, milliseconds{9'000});
  EXPECT_EQ(made->clone.retry.max_attempts, 2u);
  EXPECT_EQ(made->clone.retry.retry_on, clone_retry_on());
  EXPECT_EQ(made->clone.probe->uid.to_string(), "/items/0/id");
  ASSERT_EQ(made->sub_actions.size(), 3u);
  EXPECT_EQ(made->sub_actions[2].rule.after, std::vector<std::size_t>{1});
  EXPECT_EQ(made->sub_actions[0].retry.retry_on, sub_action_retry_on());
  EXPECT_EQ(made->sub_actions[0].retry.attempt_timeout, milliseconds{30'000});
  EXPECT_TRUE(made->callback->on_cloned);
  EXPECT_EQ(made->definition["callback"]["secret"], "${env:CALLBACK_SECRET}");
}

// A secret that stands in the file as it is was journaled with the definition.
TEST_F(FlowLoaderTest, KeepsNothingOfHowSendersAreVerified) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(made->definition.contains("verify"));
}

TEST_F(FlowLoaderTest, TellsSecretsOfCallsFromThoseOfSenders) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  const auto again = compile_flow(made->definition, defaults_);
  const auto& journaled = std::get<flow_ptr>(again)->hidden;
  for (const auto& each : made->hidden)
    EXPECT_EQ(each.journaled,
              std::find(journaled.begin(), journaled.end(), each)
                != journaled.end())
      << each.name;
}

TEST_F(FlowLoaderTest, TakesASecretThatLooksLikeAnExpressionAsText) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  const auto& value = made->clone.request.headers.at(0).second;
  EXPECT_TRUE(value.expressions().empty());
  EXPECT_EQ(std::get<std::string>(value.render({}, template_place::header)),
            "Bearer {{uid}}-s3cret");
}

TEST_F(FlowLoaderTest, MasksEverySecret) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(masked(*made, "a {{uid}}-s3cret b aG9vay1zM2NyZXQ="),
            "a *** b ***");
  EXPECT_EQ(masked(*made, error{error_kind::internal, "{{uid}}-s3cret"}).detail,
            "***");
  EXPECT_EQ(masked(*made, R"({"a":"quote\"d"} quote"d)"), R"({"a":"***"} ***)");
  EXPECT_EQ(masked(*made, "nothing"), "nothing");
  EXPECT_EQ(made->definition.dump().find("s3cret"), std::string::npos);
}

TEST_F(FlowLoaderTest, CompilesAgainWhatTheJournalKept) {
  const auto made = good(everything);
  ASSERT_NE(made, nullptr);
  auto shorter = defaults_;
  shorter.deadline_limit = milliseconds{5'000};
  const auto again =
    compile_flow(json::parse(made->definition.dump()), shorter);
  ASSERT_TRUE(std::holds_alternative<flow_ptr>(again));
  EXPECT_EQ(std::get<flow_ptr>(again)->version, made->version);
  EXPECT_EQ(std::get<flow_ptr>(again)->deadline_limit, milliseconds{5'000});
  ::unsetenv("API_TOKEN");
  const auto missing = compile_flow(made->definition, defaults_);
  EXPECT_EQ(std::get<error>(missing).detail,
            "definition: /clone/request/headers/Authorization: "
            "${env:API_TOKEN} is not set in the environment");
}

TEST_F(FlowLoaderTest, KnowsWhichAnswersAndFieldsExpressionsReferTo) {
  const auto made = good(flow_with(R"("reply":
      {"headers": {"X": "{{header/X-One}}"}, "body": ["{{query/Two ?? 2}}"]},
      "idempotency": {"key": "{{header/Webhook-Id}}"}, "sub_actions": [
      {"name": "a", "request": R, "compensate": {"method": "DELETE",
        "url": "http://a/{{sub/a/id}}", "body": "{{clone}}"}},
      {"name": "b", "request": {"method": "GET", "url": "http://a/{{uid}}",
        "headers": {"Y": "{{header/x-THREE}}"}}}])"));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->referenced_headers,
            (std::set<std::string>{"webhook-id", "x-one", "x-three"}));
  EXPECT_EQ(made->referenced_query, std::set<std::string>{"Two"});
  EXPECT_TRUE(made->keeps_clone_answer);
  EXPECT_TRUE(made->sub_actions[0].keeps_answer);
  EXPECT_FALSE(made->sub_actions[1].keeps_answer);
}

TEST_F(FlowLoaderTest, KeepsNoAnswerForTheUidAlone) {
  const auto made = good(flow_with(R"("sub_actions": [
      {"name": "a", "request": {"method": "GET", "url": "http://a/{{uid}}"}}])"));
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(made->keeps_clone_answer);
  EXPECT_FALSE(made->sub_actions[0].keeps_answer);
  EXPECT_EQ(made->referenced_headers, std::set<std::string>{"idempotency-key"});
}

TEST_F(FlowLoaderTest, HasDefaults) {
  defaults_.retry.attempt_timeout = milliseconds{7'000};
  const auto made = good(flow_with(R"("reply": {"status": 201})"));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->verify.scheme, verify_scheme::none);
  EXPECT_EQ(made->clone.retry.attempt_timeout, milliseconds{7'000});
  EXPECT_FALSE(made->clone.request.body.has_value());
  EXPECT_FALSE(made->callback.has_value());
  webhook hook;
  hook.headers = {{"idempotency-key", "k"}};
  hook.job = "j";
  EXPECT_EQ(std::get<std::string>(made->idempotency_key.render(
              template_context{.hook = &hook}, template_place::text)),
            "k");
  ASSERT_TRUE(made->reply.has_value());
  EXPECT_FALSE(made->reply->body.has_value());
  EXPECT_FALSE(made->reply->text.has_value());
}

TEST_F(FlowLoaderTest, MovesTheOtherBoundOfARetryOutOfTheWay) {
  const auto made = good(flow_with(R"("sub_actions": [
      {"name": "a", "request": R, "retry": {"max": "100ms"}},
      {"name": "b", "request": R, "retry": {"first": "2min"}}])"));
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->sub_actions[0].retry.first, milliseconds{100});
  EXPECT_EQ(made->sub_actions[1].retry.max, milliseconds{120'000});
}

TEST_F(FlowLoaderTest, KnowsTheAnswersOfAllThatComesBefore) {
  EXPECT_NE(good(flow_with(R"("sub_actions": [
      {"name": "c", "after": ["b"], "request":
        {"method": "GET", "url": "http://a/{{sub/a/id}}"}},
      {"name": "b", "after": ["a"], "request": R},
      {"name": "a", "request": R, "compensate":
        {"method": "DELETE", "url": "http://a/{{sub/a/id}}"}}])")),
            nullptr);
}

TEST_F(FlowLoaderTest, LoadsAllFilesOrNone) {
  folder_.write("a.json", flow_with(R"("reply": {})"));
  folder_.write("flow.schema.json", "{");
  folder_.write(".hidden.json", "{");
  folder_.write("notes.txt", "{");
  EXPECT_EQ(load_all().flows.size(), 1u);
  folder_.write("b.json", "{}");
  folder_.write("c.json", "[]");
  const auto loaded = load_all();
  EXPECT_TRUE(loaded.flows.empty());
  EXPECT_EQ(loaded.errors.size(), 3u) << messages(loaded.errors);
}

TEST_F(FlowLoaderTest, RefusesTwoFlowsOfOneName) {
  folder_.write("a.json", flow_with(R"("reply": {})"));
  const auto second = folder_.write("b.json", flow_with(R"("reply": {})"));
  EXPECT_EQ(messages(load_all().errors),
            second.string()
              + ": /name: \"a\" is the name of the flow in a.json too; "
                "allowed: a name of its own\n");
}

TEST_F(FlowLoaderTest, RefusesWhatIsTooLargeOrTooDeep) {
  const auto file = folder_.path() / "f.json";
  folder_.write("f.json", std::string(1'048'577, ' '));
  EXPECT_EQ(messages(load_flow(file, defaults_).errors),
            file.string() + ": is too large; allowed: 1MiB\n");
  folder_.write("f.json", std::string(100'000, '['));
  const auto said = messages(load_flow(file, defaults_).errors);
  EXPECT_NE(said.find("is nested deeper than 100 levels"), std::string::npos);
}

TEST_F(FlowLoaderTest, WarnsOfSecretsInTheFile) {
  const auto loaded = load_flow(
    folder_.write("f.json", flow_with(R"("verify": {"scheme": "bearer",
                                         "secret": "hunter2"})")),
    defaults_);
  ASSERT_NE(loaded.flow, nullptr);
  EXPECT_EQ(messages(loaded.warnings),
            (folder_.path() / "f.json").string()
              + ": /verify/secret: is a secret in plain text; "
                "put it in ${env:NAME} or ${file:PATH}\n");
  EXPECT_EQ(masked(*loaded.flow, "hunter2"), "***");
}

TEST_F(FlowLoaderTest, RefusesMoreThanAHundredSubActions) {
  json many = json::array();
  for (int i = 0; i < 101; ++i)
    many.push_back({{"name", "s" + std::to_string(i)},
                    {"request", {{"method", "GET"}, {"url", "http://a/"}}}});
  auto text = json::parse(flow_with(R"("reply": {})"));
  text["sub_actions"] = many;
  EXPECT_EQ(messages(read_flow(text, defaults_, "f").errors),
            "f: /sub_actions: 101 are too many sub-actions; allowed: 100\n");
  text["sub_actions"].erase(0);
  EXPECT_EQ(messages(read_flow(text, defaults_, "f").errors), "");
}

} // namespace handoff::test
