// Goal: a flow that names its sender takes what that sender sends, and nothing
// else. Method: the vectors against the `verify` that each preset stands for,
// as they are, with each byte changed, and stale.

#include "config/senders.hpp"
#include "config/verify_reader.hpp"
#include "http/ingress/verifier.hpp"
#include "tests/http/ingress/sender_vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <set>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using std::chrono::seconds;

verify_rule rule_for(const std::string& sender, const std::string& secret) {
  const auto* preset = find_sender(sender);
  if (preset == nullptr)
    throw std::invalid_argument{sender};
  json with = json::object();
  for (const auto& [name, meaning] : preset->with)
    with[name] = "x";
  const json definition{
    {"sender", {{"name", sender}, {"secret", secret}, {"with", with}}}};
  flow_report report{"test", reference_resolver{""}};
  const auto expanded = expand_sender(definition, seconds{10}, report);
  auto made = read_verify(
    report, expanded.definition.at("verify"), nlohmann::json::json_pointer{},
    {"https://hooks.example", expanded.from_preset, expanded.secret_may_lack});
  for (const auto& each : report.errors)
    ADD_FAILURE() << to_string(each);
  return made;
}

class SenderTest : public ::testing::TestWithParam<sender_vector> {
protected:
  std::optional<error> sent(std::int64_t later = 0) const {
    return verify(rule, {"POST", "/hooks/setup", row.query, row.fields,
                         row.body, wall_time{seconds{row.sent + later}}});
  }

  sender_vector row = GetParam();
  verify_rule rule = rule_for(row.sender, row.secret);
};

TEST_P(SenderTest, IsTaken) {
  const auto wrong = sent();
  EXPECT_EQ(wrong ? wrong->detail : "", "");
}

TEST_P(SenderTest, IsRefusedWithAnotherBody) {
  if (!row.covers_body)
    GTEST_SKIP() << "it does not cover the body";
  for (std::size_t at = 0; at < row.body.size(); ++at) {
    const auto kept = row.body[at];
    row.body[at] = kept == 'x' ? 'y' : 'x';
    EXPECT_TRUE(sent()) << at;
    row.body[at] = kept;
  }
}

TEST_P(SenderTest, IsRefusedWithAnotherSecret) {
  auto other = row.secret;
  // The last but two: what follows may be padding of base64.
  auto& changed = other[other.size() > 4 ? other.size() - 4 : 0];
  changed = changed == 'A' ? 'B' : 'A';
  if (row.sender == "discord")
    other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  rule = rule_for(row.sender, other);
  EXPECT_TRUE(sent());
}

TEST_P(SenderTest, IsRefusedWhenStale) {
  if (!rule.timestamp)
    GTEST_SKIP() << "it has no timestamp";
  EXPECT_TRUE(sent(301));
  EXPECT_TRUE(sent(-301));
}

TEST_P(SenderTest, IsRefusedWithoutItsFields) {
  row.fields.clear();
  row.query.clear();
  if (row.sender == "adyen" || row.sender == "mailgun"
      || row.sender == "microsoft-graph")
    row.body = "{}";
  EXPECT_TRUE(sent());
}

INSTANTIATE_TEST_SUITE_P(All, SenderTest, ::testing::ValuesIn(sender_vectors()),
                         [](const auto& made) {
                           std::string name;
                           for (const char c : made.param.sender)
                             name +=
                               std::isalnum(static_cast<unsigned char>(c)) != 0
                                 ? c
                                 : '_';
                           return name + std::to_string(made.index);
                         });

TEST(SendersTest, EachHasAVector) {
  std::set<std::string> tested;
  for (const auto& each : sender_vectors())
    tested.insert(each.sender);
  for (const auto& each : sender_presets())
    EXPECT_TRUE(tested.contains(each.name)) << each.name;
}

// Asana hands out its secret with the handshake.
TEST(SendersTest, LetsNobodyInWhileTheSecretIsNotKnown) {
  for (const auto* name : {"asana", "notion", "smartsheet"}) {
    const json definition{{"sender", {{"name", name}}}};
    flow_report report{"test", reference_resolver{""}};
    const auto expanded = expand_sender(definition, seconds{10}, report);
    const auto rule = read_verify(report, expanded.definition.at("verify"),
                                  nlohmann::json::json_pointer{},
                                  {"", true, expanded.secret_may_lack});
    EXPECT_TRUE(report.errors.empty()) << name;
    for (const auto& each : sender_vectors())
      if (each.sender == name) {
        EXPECT_TRUE(verify(rule, {"POST", "/hooks/setup", "", each.fields,
                                  each.body, wall_time{seconds{each.sent}}}))
          << name;
      }
  }
}

} // namespace
} // namespace handoff::test
