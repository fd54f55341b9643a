#include "config/flow_loader.hpp"
#include "tests/config/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace handoff::test {
namespace {

using ::testing::HasSubstr;

constexpr auto clone =
  R"("clone": {"request": {"method": "POST", "url": "http://a/c"},
               "uid": "/id")";

/// Everything that is said, for messages of tests.
std::string as_text(const problems& found) {
  std::string text;
  for (const auto& each : found)
    text += to_string(each) + "\n";
  return text;
}

struct doubtful {
  std::string name;
  /// What follows the clone's `uid` in the flow.
  std::string rest;
  /// Where the one warning is, and a part of it; empty: none is given.
  std::string where;
  std::string says;
};

/// For messages of GoogleTest.
void PrintTo(const doubtful& of, std::ostream* to) {
  *to << of.name;
}

class FlowWarningsTest : public ::testing::TestWithParam<doubtful> {};

TEST_P(FlowWarningsTest, Warns) {
  temporary_folder folder;
  const auto file =
    folder.write("f.json", R"({"name": "a", )" + (clone + GetParam().rest));
  const auto loaded = load_flow(file, flow_defaults{});
  EXPECT_EQ(as_text(loaded.errors), "");
  if (GetParam().says.empty()) {
    EXPECT_EQ(as_text(loaded.warnings), "");
    return;
  }
  ASSERT_EQ(loaded.warnings.size(), 1u) << as_text(loaded.warnings);
  EXPECT_EQ(loaded.warnings[0].where, GetParam().where);
  EXPECT_THAT(loaded.warnings[0].what, HasSubstr(GetParam().says));
}

std::string step(const std::string& name, const std::string& rest) {
  return R"({"name": ")" + name
       + R"(", "request": {"method": "POST", "url": "http://a/)" + rest + "}}";
}

std::string after_l(std::string step) {
  return step.insert(1, R"("after": ["l"], )");
}

std::string steps(const std::string& all) {
  return R"(}, "sub_actions": [)" + all + "]}";
}

/// A flow whose `verify` has these after "signed".
std::string signed_by(const std::string& rest) {
  return R"(}, "verify": {"scheme": "hmac", "secret": "${env:PATH}",
            "signature": "{{header/S}}", "signed": )"
       + rest + "}}";
}

INSTANTIATE_TEST_SUITE_P(
  All, FlowWarningsTest,
  testing::Values(
    doubtful{
      "JsonInAFormsType", steps(step("x", R"(x", "headers": {"content-type":
               "application/x-www-form-urlencoded"}, "body": {"a": 1})")),
      "/sub_actions/0/request/headers/content-type", "\"form\" sends a form"},
    doubtful{"TextInAFormsType",
             steps(step("x", R"(x", "headers": {"Content-Type":
               "Application/X-WWW-Form-Urlencoded; charset=utf-8"},
               "body": "a=1")")),
             "/sub_actions/0/request/headers/Content-Type",
             "\"body\" is sent as JSON"},
    doubtful{"FormInJsonsType",
             steps(step("x", R"(x", "headers": {"Content-Type":
               "application/json"}, "form": {"a": "1"})")),
             "/sub_actions/0/request/headers/Content-Type", "says JSON"},
    doubtful{"FormInItsOwnType",
             steps(step("x", R"(x", "headers": {"Content-Type":
               "application/x-www-form-urlencoded"}, "form": {"a": "1"})")),
             "", ""},
    doubtful{"ElementsOfTheWebhook",
             steps(step("x", R"({{body/m/0/id}}")") + ","
                   + step("y", R"({{body/m/1/id}}")") + ","
                   + step("z", R"({{body/m/2/id}}")")),
             "/sub_actions/0", "the elements 0 to 2 of body/m are written out"},
    doubtful{"ElementsOfASubAction",
             steps(step("l", R"(l")") + ","
                   + after_l(step("x", R"({{sub/l/0}}")")) + ","
                   + after_l(step("y", R"({{sub/l/1 ?? 0}}")")) + ","
                   + after_l(step("z", R"(z", "body": "{{sub/l/2/id}}")"))),
             "/sub_actions/1", "\"for_each\": \"{{sub/l}}\""},
    doubtful{"TwoElements",
             steps(step("x", R"({{body/m/0}}")") + ","
                   + step("y", R"({{body/m/1}}")")),
             "", ""},
    doubtful{"ElementsInOneStep",
             steps(step("x", R"({{body/m/0}}/{{body/m/1}}/{{body/m/2}}")")), "",
             ""},
    doubtful{"RetryOfA2xxWithoutAProbe",
             R"(, "outcome": [{"if": {"at": "/ok", "is": false},
                "then": "retry"}]}})",
             "/clone/outcome/0/then", "makes a second clone"},
    doubtful{"RetryOfWhatIsNo2xx",
             R"(, "outcome": [{"if": {"not": {"status": "2xx"}},
                "then": "retry"}, {"if": {"all": [{"status": "4xx"},
                {"at": "/a", "is": 1}]}, "then": "retry"}]}})",
             "", ""},
    doubtful{"ConstantKey",
             R"(}, "idempotency": {"key": "X-GitHub-Delivery"}})",
             "/idempotency/key", "the same for every webhook"},
    doubtful{"KeyOfTheFlowsNameAlone",
             R"(}, "idempotency": {"key": "k-{{flow}}"}})", "/idempotency/key",
             "the same for every webhook"},
    doubtful{"ConstantInAWhen",
             R"(}, "when": {"any": [{"value": "{{body/a}}", "is": 1},
                {"value": "body/action", "is": "opened"}]}})",
             "/when/any/1/value", "has braces"},
    doubtful{
      "HandshakeOfEveryPost",
      R"(}, "handshake": [{"verified": false, "reply": {"text": "ok"}}]})",
      "/handshake/0", "answers every POST"},
    doubtful{"HandshakeOfEveryGet",
             R"(}, "handshake": [{"method": "GET", "verified": false,
                "reply": {"text": "ok"}}]})",
             "", ""},
    doubtful{"DigestThatNoSignatureCovers",
             signed_by(R"("{{header/X-Id}}", "digest": {"value":
               "{{header/X-Digest}}"})"),
             "/verify/digest/value", "fits any other body"},
    doubtful{"DigestOfAFormsSignature",
             signed_by(R"("{{header/X-Id}}{{form}}", "digest": {"value":
               "{{header/X-Digest}}"})"),
             "/verify/digest/value", "fits any other body"},
    doubtful{"DigestThatIsCovered",
             signed_by(R"("{{header/X-Digest}}", "digest": {"value":
               "{{header/X-Digest}}"})"),
             "", ""},
    doubtful{"TimestampThatIsNotCovered",
             signed_by(R"("{{raw}}", "timestamp": {"value": "{{header/T}}"})"),
             "/verify/timestamp/value", "an old signature fits a new time"},
    doubtful{"TimestampThatIsCovered",
             signed_by(R"("{{timestamp}}{{raw}}", "timestamp": {"value":
               "{{header/T}}"})"),
             "", ""},
    doubtful{"TimestampInTheSignedBody",
             signed_by(R"("{{raw}}", "timestamp": {"value": "{{body/t}}"})"),
             "", ""},
    doubtful{"DetailOfASuccess",
             R"(, "outcome": [{"if": {"status": 409}, "then": "succeed",
                "detail": "/message"}]}})",
             "/clone/outcome/0/detail", "is never shown"},
    doubtful{"RetryOfA4xx",
             R"(, "outcome": [{"if": {"status": 409}, "then": "retry"}]}})", "",
             ""}),
  [](const auto& each) { return each.param.name; });

} // namespace
} // namespace handoff::test
