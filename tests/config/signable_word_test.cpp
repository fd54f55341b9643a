// Goal: a handshake that needs no signature gives no signature of a webhook
// away. Method: what "signed" of a flow says against words that a sender
// could, and could not, have signed.

#include "config/flow_loader.hpp"
#include "config/signable_word.hpp"

#include <gtest/gtest.h>

namespace handoff::test {
namespace {

using json = nlohmann::json;

verify_rule rule_with(const std::string& content, const char* unit = "s") {
  const json definition{
    {"name", "setup"},
    {"verify",
     {{"scheme", "hmac"},
      {"secret", "s"},
      {"signature", "{{header/X-Signature}}"},
      {"part", {{"name", "v1"}}},
      {"timestamp", {{"value", "{{header/X-Time}}"}, {"unit", unit}}},
      {"signed", content}}},
    {"clone",
     {{"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9/"}}},
      {"uid", "/id"}}}};
  flow_defaults defaults;
  defaults.public_url = "https://hooks.example";
  const auto loaded = read_flow(definition, defaults, "setup.json");
  for (const auto& each : loaded.errors)
    ADD_FAILURE() << each.what;
  return loaded.flow ? loaded.flow->verify : verify_rule{};
}

TEST(SignableWordTest, SignsAnyWordWhereSendersSignAnotherByte) {
  for (const auto* content :
       {"v0:{{timestamp}}:{{raw}}", "{{timestamp}}.{{raw}}", "{{raw}}!",
        "{{method}}{{url}}{{raw}}", "{{url}}{{form}}",
        "{{header/webhook-id}}.{{timestamp}}.{{raw}}"}) {
    const auto rule = rule_with(content);
    EXPECT_TRUE(may_sign_words(rule, false)) << content;
    EXPECT_TRUE(is_signable_word(rule, "12345")) << content;
    EXPECT_FALSE(is_signable_word(rule, "v0:1:{}")) << content;
    EXPECT_FALSE(is_signable_word(rule, std::string(257, 'a'))) << content;
  }
  EXPECT_TRUE(
    is_signable_word(rule_with("{{timestamp}}{{raw}}", "rfc3339"), "12345"));
}

TEST(SignableWordTest, AsksForJsonWhereSendersSignTheBodyAlone) {
  for (const auto* content :
       {"{{raw}}", "v0{{raw}}", "{{timestamp}}{{raw}}",
        "{{method}}{{raw}}{{timestamp}}", "{{raw}}{{raw}}"}) {
    EXPECT_TRUE(may_sign_words(rule_with(content), true)) << content;
    EXPECT_FALSE(may_sign_words(rule_with(content), false)) << content;
  }
  EXPECT_FALSE(may_sign_words(rule_with("{{timestamp}}{{raw}}", "ms"), false));
}

TEST(SignableWordTest, SignsNothingWhereSendersSignWhatARequestBrings) {
  for (const auto* content :
       {"{{form}}", "{{header/X-Digest}}", "{{query/digest}}", "{{body/a}}",
        "{{part/t}}", "{{timestamp}}{{header/X-Digest}}",
        "{{raw}}{{body/a ?? \"-\"}}", "{{header/X-Id | upper}}"})
    EXPECT_FALSE(may_sign_words(rule_with(content), true)) << content;
}

TEST(SignableWordTest, SignsNoUrlThatIsAWord) {
  auto rule = rule_with("{{url}}{{raw}}");
  rule.public_url = "hooks";
  EXPECT_FALSE(may_sign_words(rule, true));
}

TEST(SignableWordTest, SignsNoBodyOfJson) {
  const auto rule = rule_with("{{raw}}");
  for (const auto* word : {"", "0", "-0", "7", "12345", "-17", "1e5", "1E5",
                           "1e+5", "12e-05", "0e0", "true", "false", "null"})
    EXPECT_FALSE(is_signable_word(rule, word)) << word;
  for (const auto* word :
       {"qgg8vlvZRS6UYooatFL8Aw", "-", "+1", "01", "1e", "1e+", "e5", "1-2",
        "True", "nulls", "truefalse", "1_0", "0x1", "abc=", "/"})
    EXPECT_TRUE(is_signable_word(rule, word)) << word;
}

TEST(SignableWordTest, SignsNoBodyOfJsonWithWhatStandsAroundIt) {
  const auto timed = rule_with("{{timestamp}}{{raw}}");
  for (const auto* word :
       {"1764411000", "1764411000true", "17644110001e5", "1764411000-3"})
    EXPECT_FALSE(is_signable_word(timed, word)) << word;
  for (const auto* word : {"true", "-3", "1764411000x", "x1764411000"})
    EXPECT_TRUE(is_signable_word(timed, word)) << word;
  const auto all = rule_with("v0{{method}}{{raw}}_{{timestamp}}");
  for (const auto* word : {"v0POST1_1764411000", "v0GET_1764411000"})
    EXPECT_FALSE(is_signable_word(all, word)) << word;
  for (const auto* word : {"v0POST1_", "POST1_1764411000", "v01_1764411000"})
    EXPECT_TRUE(is_signable_word(all, word)) << word;
  EXPECT_FALSE(is_signable_word(rule_with("{{raw}}{{timestamp}}"), "true17"));
  EXPECT_FALSE(
    is_signable_word(rule_with("{{timestamp}}{{raw}}"), std::string(256, '1')));
}

} // namespace
} // namespace handoff::test
