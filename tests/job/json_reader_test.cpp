#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace handoff {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

std::string repeat(std::string_view what, std::size_t times) {
  std::string made;
  for (std::size_t i = 0; i < times; ++i)
    made += what;
  return made;
}

std::string nested(std::size_t levels, char open = '[', char close = ']') {
  return std::string(levels, open) + std::string(levels, close);
}

/// What is wrong with the text; empty if nothing is.
std::string refusal(std::string_view text, const json_limits& limits = {}) {
  const auto read = read_json(text, limits);
  const auto* wrong = std::get_if<json_problem>(&read);
  return wrong != nullptr ? to_string(*wrong) : "";
}

} // namespace

TEST(JsonReaderTest, ReadsWhatTheParserReads) {
  for (const auto* text :
       {"null", "true", " 1 ", "-1.5e3", "\"\\u00e4\\ud83d\\ude00\"", "[]",
        "{}", R"({"a":[1,{"b":[[],{}]},"x"],"":null,"a b":{"c":-7}})",
        R"([1,[2,[3,{"x":{"y":[4]}}]],5])", R"({"a":1,"a":2})"}) {
    const auto read = read_json(text);
    ASSERT_TRUE(std::holds_alternative<json>(read)) << text;
    EXPECT_EQ(std::get<json>(read), json::parse(text)) << text;
  }
}

TEST(JsonReaderTest, HoldsItsLimits) {
  EXPECT_EQ(refusal(nested(100)), "");
  EXPECT_EQ(refusal(nested(101)),
            "is nested deeper than 100 levels, at " + repeat("/0", 100));
  EXPECT_EQ(refusal(repeat("{\"a\":", 101) + "1" + repeat("}", 101)),
            "is nested deeper than 100 levels, at " + repeat("/a", 100));
  EXPECT_EQ(refusal('[' + repeat("1,", 99'999) + "1]"), "");
  EXPECT_EQ(refusal('[' + repeat("1,", 100'000) + "1]"),
            "has more than 100000 values, at /100000");
  EXPECT_EQ(refusal("{\"x\":[" + repeat("{},", 150'000) + "{}]}"),
            "has more than 100000 values, at /x/99999");
  EXPECT_EQ(refusal('"' + std::string(1 << 20, 'a') + '"'),
            "is larger than 1048576 bytes");
  EXPECT_EQ(refusal('"' + std::string((1 << 20) - 2, 'a') + '"'), "");
}

TEST(JsonReaderTest, SaysNoMoreOfThePlaceThanIsReadable) {
  const auto name = std::string(1'000, 'n');
  const auto said = refusal(repeat("{\"" + name + "\":", 101));
  EXPECT_LT(said.size(), 300u);
  EXPECT_NE(said.find("/nnn"), std::string::npos);
}

TEST(JsonReaderTest, OutlivesHostileTexts) {
  // Goal: no text costs the stack. Method: 200 KB of what a reader that
  // recurses goes down with, closed and unclosed.
  for (const auto& text :
       {repeat("[", 200'000), nested(100'000), repeat("{\"a\":", 40'000),
        repeat("[{\"a\":", 30'000), repeat("[", 99) + repeat("[],", 66'000),
        std::string(200'000, '-'), std::string(200'000, '"')})
    EXPECT_NE(refusal(text), "");
}

// One such number made a clone's answer "not JSON", and its job ambiguous.
TEST(JsonReaderTest, TakesTheNearestDoubleInAnAnswer) {
  constexpr auto most = std::numeric_limits<double>::max();
  const auto read =
    parse_answer(R"({"a":[1e400,-2.5E+999,"1e400",7],"id":"u","b":1e-400,)"
                 R"("c":0e400,"d":)"
                 + std::string(400, '9') + "}");
  ASSERT_TRUE(std::holds_alternative<json>(read));
  const auto& made = std::get<json>(read);
  EXPECT_EQ(made["a"], json({most, -most, "1e400", 7}));
  EXPECT_EQ(made["id"], "u");
  EXPECT_EQ(made["b"], 0.0);
  EXPECT_EQ(made["c"], 0.0);
  EXPECT_EQ(json_text(made["d"]), std::string(400, '9'));
  for (const auto* text : {"[01e400]", "[1e40e0]", "[1e400.5]", "[-e400]",
                           "[1e4+00]", "[1e]", "[1e400", "[.5e400]"})
    EXPECT_TRUE(std::holds_alternative<json_problem>(parse_answer(text)))
      << text;
}

TEST(JsonReaderTest, SaysWhereWithoutWhatStandsThere) {
  EXPECT_EQ(refusal("[1e400]"), "is not JSON: a number is out of range");
  EXPECT_EQ(refusal("{\n\"a\": hunter2}"),
            "is not JSON: parse error at line 2, column 6: syntax error while "
            "parsing value - invalid literal");
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal("\"\xff\""), "");
  EXPECT_NE(refusal("[1,]"), "");
  EXPECT_NE(refusal("01"), "");
  EXPECT_NE(refusal("1 2"), "");
  EXPECT_NE(refusal("/* no */ 1"), "");
}

TEST(JsonReaderTest, RefusesANulByteAnywhere) {
  json_limits with_comments;
  with_comments.comments = true;
  // The library takes one for the end of the text, and of a comment.
  for (const std::string_view text :
       {"\0"sv, "1\0"sv, "{\"a\":1}\0"sv, "{\"a\":1}\0{\"a\":2} no JSON"sv,
        "{\"a\":1}\n \0"sv, "[1,\0 2]"sv, "\"a\0b\""sv, "// \0\n1"sv,
        "1 // \0\n"sv, "1 /* \0 */"sv}) {
    EXPECT_NE(refusal(text), "") << text;
    EXPECT_NE(refusal(text, with_comments), "") << text;
  }
  EXPECT_EQ(refusal("\"a\\u0000b\""), "");
  EXPECT_EQ(refusal("{\n1\0"sv),
            "is not JSON: parse error at line 2, column 2: syntax error while "
            "parsing value - it has a NUL byte");
  EXPECT_EQ(refusal("1\0"sv),
            "is not JSON: parse error at line 1, column 2: syntax error while "
            "parsing value - it has a NUL byte");
  const auto answer = parse_answer("{\"id\":\"c-1\"}\0 and more"sv);
  EXPECT_TRUE(std::holds_alternative<json_problem>(answer));
}

TEST(JsonReaderTest, RefusesRepeatedNamesWhereAsked) {
  json_limits limits;
  limits.names_repeat = false;
  EXPECT_EQ(refusal(R"({"a":{"b":1,"c":[{"d":1}],"b":2}})", limits),
            "appears twice in its object, at /a/b");
  EXPECT_EQ(refusal(R"([{"a":1},{"a":2}])", limits), "");
}

} // namespace handoff
