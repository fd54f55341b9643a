#include "config/flow_loader.hpp"
#include "config/senders.hpp"
#include "config/verify_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

class SendersTest : public ::testing::Test {
protected:
  /// What a flow with these members is once its sender is expanded.
  json expanded(json members, const json& own = json::object()) {
    members.update(own);
    report_ = {"f.json", reference_resolver{""}};
    return expand_sender(members, seconds{10}, report_).definition;
  }

  std::string errors() const {
    std::string all;
    for (const auto& each : report_.errors)
      all += to_string(each) + '\n';
    return all;
  }

  flow_report report_{"f.json", reference_resolver{""}};
};

json sender(const std::string& name, json more = {{"secret", "s"}}) {
  more["name"] = name;
  return {{"sender", more}};
}

/// A secret that fits how the preset's key is written.
std::string secret_for(const sender_preset& preset) {
  const auto verify = preset.flow.at("verify");
  const auto key = verify.value("key", "text");
  if (verify.at("scheme") == "public-key")
    return "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
  return key == "hex" ? "abcd" : "c2VjcmV0";
}

TEST_F(SendersTest, KnowsThoseThatAreInTheContract) {
  for (const auto* name : {"github",
                           "gitlab",
                           "stripe",
                           "shopify",
                           "slack-events",
                           "slack-commands",
                           "slack-interactivity",
                           "twilio",
                           "hubspot",
                           "monday",
                           "jira",
                           "linear",
                           "zoom",
                           "zendesk",
                           "typeform",
                           "asana",
                           "trello",
                           "notion",
                           "intercom",
                           "meta",
                           "microsoft-graph",
                           "dropbox",
                           "discord",
                           "adyen",
                           "svix",
                           "standard-webhooks",
                           "contentful",
                           "mailgun",
                           "docusign",
                           "aws-sns",
                           "google-pubsub",
                           "smartsheet"})
    EXPECT_NE(find_sender(name), nullptr) << name;
  EXPECT_EQ(find_sender("acme"), nullptr);
}

TEST_F(SendersTest, MakesAFlowThatLoadsOfEach) {
  for (const auto& preset : sender_presets()) {
    json with = json::object();
    for (const auto& [name, meaning] : preset.with)
      with[name] = "text";
    json definition =
      sender(preset.name, {{"secret", secret_for(preset)}, {"with", with}});
    definition["name"] = "a";
    definition["clone"] = {
      {"uid", "/id"}, {"request", {{"method", "GET"}, {"url", "http://a/"}}}};
    flow_defaults defaults;
    defaults.public_url = "https://hooks.example";
    const auto loaded = read_flow(definition, defaults, "f.json");
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << preset.name << ": " << to_string(each);
    ASSERT_NE(loaded.flow, nullptr);
    EXPECT_NE(loaded.flow->verify.scheme, verify_scheme::none) << preset.name;
    EXPECT_FALSE(loaded.flow->definition.contains("sender"));
    EXPECT_FALSE(loaded.flow->definition.contains("verify"));
    // Of what a preset says there is nothing to warn of: only of the secret.
    EXPECT_LE(loaded.warnings.size(), 1u) << preset.name;
    // And nobody gets in by a URL that is not known.
    if (preset.public_url) {
      EXPECT_EQ(read_flow(definition, flow_defaults{}, "f.json").flow, nullptr)
        << preset.name;
    }
  }
}

TEST_F(SendersTest, FillsInWhatTheFlowDoesNotSay) {
  const auto made = expanded(sender("slack-events"));
  EXPECT_EQ(made["verify"]["prefix"], "v0=");
  EXPECT_EQ(made["verify"]["secret"], "s");
  EXPECT_EQ(made["idempotency"]["key"], "{{body/event_id}}");
  EXPECT_EQ(made["idempotency"]["body"], "any");
  EXPECT_EQ(made["idempotency"]["failed"], "again");
  EXPECT_EQ(made["deadline"]["limit"], "3s");
  EXPECT_EQ(made["handshake"].size(), 1u);
  EXPECT_EQ(made["reply"]["late"], (json{{"status", 200}}));
  EXPECT_FALSE(made.contains("sender"));
  EXPECT_EQ(expanded(sender("slack-interactivity"))["input"]["type"], "form");
  EXPECT_EQ(errors(), "");
}

TEST_F(SendersTest, LetsTheFlowsOwnMembersWin) {
  const auto made =
    expanded(sender("slack-events"),
             {{"verify", {{"timestamp", {{"tolerance", "1min"}}}}},
              {"idempotency", {{"key", "{{header/X}}"}, {"keep", "1h"}}},
              {"deadline", {{"limit", "2s"}}}});
  EXPECT_EQ(made["verify"]["timestamp"]["tolerance"], "1min");
  EXPECT_EQ(made["verify"]["timestamp"]["value"],
            "{{header/X-Slack-Request-Timestamp}}");
  EXPECT_EQ(made["idempotency"]["key"], "{{header/X}}");
  EXPECT_EQ(made["idempotency"]["keep"], "1h");
  EXPECT_EQ(made["deadline"]["limit"], "2s");
}

TEST_F(SendersTest, TakesArraysAsAWhole) {
  const auto made = expanded(sender("docusign"),
                             {{"verify", {{"signature", {"{{header/A}}"}}}}});
  EXPECT_EQ(made["verify"]["signature"], json({"{{header/A}}"}));
}

TEST_F(SendersTest, LetsMembersDisplaceTheirRivals) {
  auto made = expanded(sender("stripe"), {{"verify", {{"prefix", "v1="}}}});
  EXPECT_FALSE(made["verify"].contains("part"));
  made = expanded(sender("stripe"), {{"verify", {{"secrets", {"a", "b"}}}}});
  EXPECT_FALSE(made["verify"].contains("secret"));
  EXPECT_EQ(made["verify"]["secrets"], json({"a", "b"}));
}

TEST_F(SendersTest, FillsInNoBodyWhereTheFlowsStatusHasNone) {
  const auto made =
    expanded(sender("airtable"), {{"reply", {{"late", {{"status", 204}}}}}});
  EXPECT_EQ(made["reply"]["late"], (json{{"status", 204}}));
}

TEST_F(SendersTest, ReplacesVerifyWholeByAnotherScheme) {
  auto made =
    expanded(sender("slack-events"),
             {{"verify", {{"scheme", "token"}, {"value", "{{query/token}}"}}}});
  EXPECT_EQ(
    made["verify"],
    (json{{"scheme", "token"}, {"value", "{{query/token}}"}, {"secret", "s"}}));
  made = expanded(sender("slack-events", json::object()),
                  {{"verify", {{"scheme", "none"}}}});
  EXPECT_EQ(made["verify"], (json{{"scheme", "none"}}));
  EXPECT_EQ(errors(), "");
}

TEST_F(SendersTest, ChoosesByTheSecretWhatGitLabSends) {
  EXPECT_EQ(expanded(sender("gitlab"))["verify"]["scheme"], "token");
  EXPECT_EQ(
    expanded(sender("gitlab", {{"secret", "whsec_c2VjcmV0"}}))["verify"],
    (json{{"scheme", "standard-webhooks"}, {"secret", "whsec_c2VjcmV0"}}));
}

TEST_F(SendersTest, TakesSecretsOfGitLabOfOneKindAlone) {
  const json both{"token", "whsec_c2VjcmV0"};
  for (const auto& secrets : {both, json{both[1], both[0]}}) {
    expanded(sender("gitlab", {{"secrets", secrets}}));
    EXPECT_THAT(errors(), HasSubstr("/sender/secrets: some begin with "
                                    "\"whsec_\" and some do not"));
  }
  EXPECT_EQ(
    expanded(sender("gitlab", json::object()),
             {{"verify", {{"secret", "whsec_c2VjcmV0"}}}})["verify"],
    (json{{"scheme", "standard-webhooks"}, {"secret", "whsec_c2VjcmV0"}}));
}

TEST_F(SendersTest, TakesNoEmptyOrOtherValueThatASenderNeeds) {
  const auto with = [](json value) {
    return sender("meta",
                  {{"secret", "s"}, {"with", {{"verify_token", value}}}});
  };
  expanded(with(""));
  EXPECT_THAT(errors(), HasSubstr("/sender/with/verify_token: must not be "
                                  "empty"));
  expanded(with(5));
  EXPECT_THAT(errors(), HasSubstr("/sender/with/verify_token: must be a "
                                  "string, but is the number 5"));
  expanded(with("${env:HANDOFF_NOT_SET}"));
  EXPECT_THAT(errors(), HasSubstr("/sender/with/verify_token: "));
  EXPECT_THAT(errors(), HasSubstr("HANDOFF_NOT_SET"));
}

TEST_F(SendersTest, AsksNobodyWhereASecretIsOptionalAndNotThere) {
  EXPECT_EQ(expanded(sender("monday", json::object()))["verify"],
            (json{{"scheme", "none"}}));
  EXPECT_EQ(errors(), "");
}

TEST_F(SendersTest, LeavesOutALimitThatTheSettingsDoNotAllow) {
  EXPECT_FALSE(expanded(sender("twilio")).contains("deadline"));
}

TEST_F(SendersTest, SaysWhatASenderNeeds) {
  expanded(sender("github", json::object()));
  EXPECT_EQ(errors(),
            "f.json: /sender: \"secret\" is missing, which the sender "
            "\"github\" needs\n");
  expanded(sender("meta"));
  EXPECT_EQ(errors(), "f.json: /sender/with/verify_token: is missing: the text "
                      "that you enter as verify token\n");
  expanded(sender("github", {{"secret", "s"}, {"with", {{"a", "b"}}}}));
  EXPECT_EQ(errors(), "f.json: /sender/with/a: does nothing for the sender "
                      "\"github\"\n");
  expanded(sender("githb"));
  EXPECT_THAT(errors(), HasSubstr("\"githb\" is not a sender (did you mean "
                                  "github?); \"handoff senders\" lists them"));
}

TEST_F(SendersTest, NamesTheSecretWhereItStands) {
  json definition = sender("github", {{"secret", "${env:HANDOFF_NOT_SET}"}});
  definition["name"] = "a";
  definition["clone"] = {
    {"uid", "/id"}, {"request", {{"method", "GET"}, {"url", "http://a/"}}}};
  const auto loaded = read_flow(definition, flow_defaults{}, "f.json");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].where, "/sender/secret");
}

} // namespace
} // namespace handoff::test
