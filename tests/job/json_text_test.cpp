#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using nlohmann::json;

json read(std::string_view text) {
  auto made = read_json(text);
  if (const auto* wrong = std::get_if<json_problem>(&made))
    return "! " + to_string(*wrong);
  return std::get<json>(made);
}

} // namespace

TEST(JsonTextTest, KeepsDigitsOfIntegersWhateverTheirSize) {
  for (const auto& digits :
       {std::string{"0"}, std::string{"-7"}, std::string{"9007199254740993"},
        std::string{"9223372036854775807"}, std::string{"18446744073709551615"},
        std::string{"18446744073709551616"},
        std::string{"-9223372036854775809"},
        std::string{"123456789012345678901"}, std::string(309, '9'),
        std::string(512, '7'), '-' + std::string(5'000, '1')}) {
    EXPECT_EQ(json_text(read(digits)), digits);
    const auto within = "{\"a\":[1.5," + digits + ",\"" + digits + "\"]}";
    EXPECT_EQ(json_text(read(within)), within);
    EXPECT_EQ(json_text(big_integer(digits)), digits);
    EXPECT_TRUE(is_integer(big_integer(digits)));
  }
}

TEST(JsonTextTest, KeepsLongIntegersApartFromNumbersThatLookLikeThem) {
  // The first is what a long integer is hidden as while it is parsed.
  const auto hidden = "1." + std::string(310, '1');
  const auto whole = "11" + std::string(310, '1');
  const auto made = read('[' + hidden + ',' + whole + ",\"" + whole + "\"]");
  ASSERT_TRUE(made.is_array());
  EXPECT_TRUE(made[0].is_number_float());
  EXPECT_EQ(json_text(made[1]), whole);
  EXPECT_EQ(made[2], whole);
}

TEST(JsonTextTest, TellsIntegersByTheirValue) {
  EXPECT_EQ(read("123456789012345678901"), read("123456789012345678901"));
  EXPECT_NE(read("123456789012345678901"), read("123456789012345678902"));
  EXPECT_EQ(big_integer("7"), json(7));
  EXPECT_FALSE(is_big_integer(big_integer("18446744073709551615")));
  EXPECT_TRUE(is_big_integer(big_integer("18446744073709551616")));
  EXPECT_FALSE(is_integer(json(1.0)));
  EXPECT_FALSE(is_integer(json("1")));
  // Nobody can make one by writing what it is kept as.
  EXPECT_FALSE(is_big_integer(read(R"({"bytes":[49],"subtype":177})")));
}

TEST(JsonTextTest, WritesAsEverywhereElse) {
  const auto value = read(R"({"b":[],"a":{"x":[1,{}],"ü":null},"c":"\n"})");
  auto large = value;
  large["large"] = big_integer("123456789012345678901");
  for (const auto style :
       {json_style{}, json_style{2, false}, json_style{4, true}}) {
    EXPECT_EQ(json_text(value, style),
              value.dump(style.indent, ' ', style.ascii));
    auto same = large;
    same["large"] = 42;
    auto expected = same.dump(style.indent, ' ', style.ascii);
    expected.replace(expected.find("42"), 2, "123456789012345678901");
    EXPECT_EQ(json_text(large, style), expected);
  }
}

TEST(JsonTextTest, WritesWhatIsNotUtf8) {
  EXPECT_EQ(json_text("a\xff"), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(json_text({{"a\xff", big_integer(std::string(20, '9'))}}),
            "{\"a\xef\xbf\xbd\":99999999999999999999}");
}

TEST(JsonTextTest, KeepsDigitsInCbor) {
  const auto value =
    read("{\"a\":[123456789012345678901,-99999999999999999999]}");
  const auto bytes = json::to_cbor(value);
  EXPECT_EQ(json::from_cbor(bytes, true, true, json::cbor_tag_handler_t::store),
            value);
}

TEST(JsonTextTest, KnowsUtf8AsTheParserDoes) {
  // Every sequence of two bytes, and the edges of longer ones.
  std::vector<std::string> texts{"",
                                 "a\xc3\xa4",
                                 "\xe0\xa0\x80",
                                 "\xe0\x9f\x80",
                                 "\xed\x9f\xbf",
                                 "\xed\xa0\x80",
                                 "\xf0\x90\x80\x80",
                                 "\xf0\x8f\x80\x80",
                                 "\xf4\x8f\xbf\xbf",
                                 "\xf4\x90\x80\x80",
                                 "\xe2\x82",
                                 "\xf5\x80\x80\x80"};
  for (int first = 0x20; first < 256; ++first)
    for (int second = 0x20; second < 256; second += 5)
      if (first != '"' && first != '\\' && second != '"' && second != '\\')
        texts.push_back({static_cast<char>(first), static_cast<char>(second)});
  for (const auto& each : texts)
    EXPECT_EQ(is_utf8(each), json::accept('"' + each + '"')) << each;
}

} // namespace handoff
