#include "config/json_compare.hpp"
#include "job/json_reader.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using nlohmann::json;

} // namespace

TEST(JsonCompareTest, ComparesNumbersByValue) {
  const struct {
    const char* left;
    const char* right;
    std::partial_ordering expected;
  } rows[]{
    {"1", "1.0", std::partial_ordering::equivalent},
    {"-1", "-1.0", std::partial_ordering::equivalent},
    {"0", "-0.0", std::partial_ordering::equivalent},
    {"1", "1.5", std::partial_ordering::less},
    {"-1", "-1.5", std::partial_ordering::greater},
    {"-1", "18446744073709551615", std::partial_ordering::less},
    {"9223372036854775808", "9223372036854775807",
     std::partial_ordering::greater},
    // 2^53 + 1, which a double cannot tell from 2^53.
    {"9007199254740993", "9007199254740992.0", std::partial_ordering::greater},
    {"18446744073709551615", "1e300", std::partial_ordering::less},
    {"-9223372036854775808", "-1e300", std::partial_ordering::greater},
    {"123456789012345678901", "123456789012345678901",
     std::partial_ordering::equivalent},
    {"123456789012345678901", "123456789012345678902",
     std::partial_ordering::less},
    {"123456789012345678901", "99999999999999999999",
     std::partial_ordering::greater},
    {"-123456789012345678901", "-99999999999999999999",
     std::partial_ordering::less},
    {"-123456789012345678901", "18446744073709551615",
     std::partial_ordering::less},
    {"123456789012345678901", "-7", std::partial_ordering::greater},
    {"100000000000000000000", "1e20", std::partial_ordering::equivalent},
    {"123456789012345678901", "1e300", std::partial_ordering::less},
    {"0.1", "0.1", std::partial_ordering::equivalent},
    {"1", "\"1\"", std::partial_ordering::unordered},
    {"null", "null", std::partial_ordering::unordered},
  };

  for (const auto& row : rows) {
    const auto left = std::get<json>(read_json(row.left));
    const auto right = std::get<json>(read_json(row.right));
    EXPECT_TRUE(compare_numbers(left, right) == row.expected)
      << row.left << ' ' << row.right;
    EXPECT_TRUE(compare_numbers(right, left) == 0 <=> row.expected)
      << row.right << ' ' << row.left;
  }
}

TEST(JsonCompareTest, TellsTypesApartAndLooksInside) {
  const struct {
    const char* left;
    const char* right;
    bool expected;
  } rows[]{
    {R"("a")", R"("a")", true},
    {R"("a")", R"("A")", false},
    {R"("1")", "1", false},
    {"true", "1", false},
    {"null", "null", true},
    {"null", "false", false},
    {"null", R"("")", false},
    {"[1,2]", "[1.0,2]", true},
    {"[123456789012345678901]", "[123456789012345678901]", true},
    {"[123456789012345678901]", "[123456789012345678902]", false},
    {"[1,2]", "[2,1]", false},
    {"[1]", "[1,1]", false},
    {R"({"a":1,"b":[2]})", R"({"b":[2.0],"a":1})", true},
    {R"({"a":1})", R"({"a":1,"b":2})", false},
    {R"({"a":1})", R"({"b":1})", false},
    {"[]", "{}", false},
  };

  for (const auto& row : rows) {
    const auto left = std::get<json>(read_json(row.left));
    const auto right = std::get<json>(read_json(row.right));
    EXPECT_EQ(same_value(left, right), row.expected)
      << row.left << ' ' << row.right;
    EXPECT_EQ(same_value(right, left), row.expected)
      << row.right << ' ' << row.left;
  }
}

} // namespace handoff::test
