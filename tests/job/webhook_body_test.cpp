#include "job/webhook_body.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::HasSubstr;

json read(std::string bytes, body_format format = {}) {
  const auto read = webhook_body{std::move(bytes), std::move(format)}.read();
  if (const auto* failed = std::get_if<error>(&read)) {
    ADD_FAILURE() << failed->detail;
    return nullptr;
  }
  return std::get<json>(read);
}

std::string refusal(std::string bytes, body_format format = {}) {
  const auto read = webhook_body{std::move(bytes), std::move(format)}.read();
  const auto* failed = std::get_if<error>(&read);
  if (failed == nullptr)
    return "was read as " + std::get<json>(read).dump();
  EXPECT_EQ(failed->kind, error_kind::invalid_request);
  return failed->detail;
}

const body_format form{true, {}};

TEST(WebhookBodyTest, KeepsTheBytesThatCame) {
  const std::string text = "{ \"b\": 1.0,\n \"a\": \"\\u00e4\" }";
  const webhook_body body{text};
  const auto copy = body; // shares them
  EXPECT_EQ(copy.bytes(), text);
  EXPECT_EQ(copy.bytes().data(), body.bytes().data());
  EXPECT_EQ(read(text), (json{{"a", "ä"}, {"b", 1.0}}));
}

TEST(WebhookBodyTest, RefusesWhatIsNoJsonWithinItsLimits) {
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("\"\xff\""), HasSubstr("not JSON"));
  EXPECT_EQ(refusal("[1e400]"),
            "the body cannot be read: a number is out of range");
  EXPECT_THAT(refusal(std::string(101, '[') + std::string(101, ']')),
              HasSubstr("100 levels"));
  std::string many = "[0";
  for (int at = 0; at < 100'000; ++at)
    many += ",0";
  EXPECT_THAT(refusal(many + "]"), HasSubstr("100000 values"));
}

TEST(WebhookBodyTest, TakesAsManyValuesAsAreAllowed) {
  std::string most = "[{}";
  for (int at = 2; at < 100'000; ++at)
    most += ",{}";
  EXPECT_EQ(read(most + "]").size(), 99'999u); // and the array itself
}

TEST(WebhookBodyTest, ReadsAForm) {
  EXPECT_EQ(
    read("a=1&b=x+y%2Fz&&c&a[b]=%C3%A4&a=2&a=3", form),
    (json{{"a", {"1", "2", "3"}}, {"b", "x y/z"}, {"c", ""}, {"a[b]", "ä"}}));
  EXPECT_EQ(read("", form), json::object());
}

TEST(WebhookBodyTest, RefusesAFormThatIsNotEncoded) {
  EXPECT_THAT(refusal("a=1&b=%zz", form), HasSubstr("field 2"));
  EXPECT_THAT(refusal("a=%ff", form), HasSubstr("field 1"));
  EXPECT_THAT(refusal("caf\xe9=1", form), HasSubstr("field 1"));
}

TEST(WebhookBodyTest, DecodesMembers) {
  const body_format payload{true, {{json::json_pointer{"/payload"}, false}}};
  EXPECT_EQ(read("payload=%7B%22a%22%3A1%7D&x=y", payload),
            (json{{"payload", {{"a", 1}}}, {"x", "y"}}));
  EXPECT_EQ(read("x=y", payload), (json{{"x", "y"}}))
    << "missing is not an error";
  const body_format data{false, {{json::json_pointer{"/message/data"}, true}}};
  EXPECT_EQ(read(R"({"message": {"data": "eyJhIjoxfQ=="}})", data),
            (json{{"message", {{"data", {{"a", 1}}}}}}));
}

TEST(WebhookBodyTest, RefusesMembersThatDoNotDecode) {
  const body_format data{false, {{json::json_pointer{"/data"}, true}}};
  EXPECT_THAT(refusal(R"({"data": 7})", data), HasSubstr("must be a text"));
  EXPECT_THAT(refusal(R"({"data": "e"})", data), HasSubstr("not base64"));
  EXPECT_THAT(refusal(R"({"data": "e30"})", data), HasSubstr("not base64"));
  EXPECT_THAT(refusal(R"({"data": "eyI="})", data), HasSubstr("/data"));
}

TEST(SelectedPartsTest, KeepWhatPointersPointTo) {
  const json document{{"a", {{"b", 1}, {"c", 2}}},
                      {"list", {{{"n", "x"}, {"m", 0}}, {{"n", "y"}}}},
                      {"~/", true},
                      {"other", std::string(1000, 'x')}};
  const auto select = [&](std::vector<std::string> pointers) {
    std::vector<json::json_pointer> compiled;
    for (const auto& each : pointers)
      compiled.emplace_back(each);
    return selected_parts(document, compiled);
  };
  EXPECT_EQ(select({}), json::object());
  EXPECT_EQ(select({"/missing", "/a/b/c", "/list/7", "/list/-"}),
            json::object());
  EXPECT_EQ(select({"/a/b"}), (json{{"a", {{"b", 1}}}}));
  EXPECT_EQ(select({"/a/b", "/a"}), (json{{"a", {{"b", 1}, {"c", 2}}}}));
  EXPECT_EQ(select({"", "/a"}), document);
  EXPECT_EQ(select({"/~0~1"}), (json{{"~/", true}}));
  // A pointer finds there what it finds in the whole.
  const auto list = select({"/list/1/n"});
  EXPECT_EQ(list.at(json::json_pointer{"/list/1/n"}), "y");
  EXPECT_EQ(select({"/list", "/list-2", "/list/1/n"}),
            (json{{"list", document.at("list")}}));
}

TEST(MemoryOfTest, StopsCountingBeyondTheMost) {
  const json many(10'000, json::object());
  EXPECT_GT(memory_of(many, 1'000'000), 10'000u * sizeof(json));
  EXPECT_LT(memory_of(many, 5'000), 10'000u);
  EXPECT_GE(memory_of(json(std::string(1'000, 'x')), 5'000), 1'000u);
}

} // namespace
} // namespace handoff::test
