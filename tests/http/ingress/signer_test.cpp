// What is signed here is taken here: for each sender that can be signed for.

#include "config/senders.hpp"
#include "config/verify_reader.hpp"
#include "http/ingress/signer.hpp"
#include "http/ingress/verifier.hpp"
#include "tests/http/ingress/sender_vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using std::chrono::seconds;
using ::testing::HasSubstr;

const wall_time now{seconds{1'800'000'000}};

verify_rule rule_of(const json& definition) {
  flow_report report{"test", reference_resolver{""}};
  const auto expanded = expand_sender(definition, seconds{10}, report);
  auto made = read_verify(
    report, expanded.definition.at("verify"), nlohmann::json::json_pointer{},
    {"https://hooks.example", expanded.from_preset, expanded.secret_may_lack});
  for (const auto& each : report.errors)
    ADD_FAILURE() << to_string(each);
  return made;
}

std::optional<error> taken(const verify_rule& rule,
                           const signed_request& request) {
  return verify(rule, {request.method, request.path, request.query,
                       request.fields, request.body, now, "setup"});
}

TEST(SignerTest, SignsAsEachSenderWould) {
  const std::set<std::string> not_here{"discord"};
  for (const auto& row : sender_vectors()) {
    json with = json::object();
    for (const auto& [name, meaning] : find_sender(row.sender)->with)
      with[name] = "x";
    const auto rule = rule_of(
      {{"sender",
        {{"name", row.sender}, {"secret", row.secret}, {"with", with}}}});
    signed_request request{.path = "/hooks/setup", .body = row.body};
    if (json::parse(row.body, nullptr, false).is_discarded())
      request.fields = {{"Content-Type", "application/x-www-form-urlencoded"}};
    const auto wrong = sign(rule, request, now, "setup");
    if (not_here.contains(row.sender)) {
      EXPECT_TRUE(wrong) << row.sender;
      continue;
    }
    ASSERT_FALSE(wrong) << row.sender << ": " << wrong->detail;
    const auto refused = taken(rule, request);
    EXPECT_FALSE(refused) << row.sender << ": " << refused->detail;
    request.fields.clear();
    request.query.clear();
    if (rule.content.uses_body() || rule.token.uses_body())
      request.body = "{}";
    EXPECT_TRUE(taken(rule, request)) << row.sender;
  }
}

TEST(SignerTest, CoversAJsonBodyByItsDigest) {
  const auto rule =
    rule_of({{"sender", {{"name", "twilio"}, {"secret", "12345"}}}});
  signed_request request{.path = "/hooks/setup",
                         .query = "a=1",
                         .fields = {{"Content-Type", "application/json"}},
                         .body = "{}"};
  ASSERT_FALSE(sign(rule, request, now, "setup"));
  EXPECT_THAT(request.query, HasSubstr("a=1&bodySHA256="));
  EXPECT_FALSE(taken(rule, request));
  request.body = "[]";
  EXPECT_TRUE(taken(rule, request));
}

TEST(SignerTest, SaysWhyItCannotSign) {
  signed_request request{.path = "/"};
  auto wrong = sign(rule_of({{"sender",
                              {{"name", "discord"},
                               {"secret", "3d4017c3e843895a92b70aa74d1b7ebc9c98"
                                          "2ccf2ec4968cc0cd55f12af4660c"}}}}),
                    request, now, "setup");
  ASSERT_TRUE(wrong);
  EXPECT_THAT(wrong->detail, HasSubstr("only the public key"));
  wrong = sign(rule_of({{"sender", {{"name", "asana"}}}}), request, now, "f");
  ASSERT_TRUE(wrong);
  EXPECT_THAT(wrong->detail, HasSubstr("no secret yet"));
}

} // namespace
} // namespace handoff::test
