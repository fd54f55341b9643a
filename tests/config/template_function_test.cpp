#include "config/template_function.hpp"
#include "config/text_function.hpp"
#include "job/json_text.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using nlohmann::json;
using kind = template_function::function_kind;

json applied(kind which, const json& value, std::string argument = {}) {
  const auto made = apply_function({which, std::move(argument)}, value);
  if (const auto* why = std::get_if<std::string>(&made))
    return "! " + *why;
  return std::get<json>(made);
}

} // namespace

TEST(TemplateFunctionTest, MakesValuesOfValues) {
  const struct {
    kind which;
    json value;
    json made;
    const char* argument = "";
  } rows[] = {
    {kind::json, "a\"b\n", R"("a\"b\n")"},
    {kind::json, {{"b", 1}, {"a", nullptr}}, R"({"a":null,"b":1})"},
    {kind::json, big_integer("123456789012345678901"), "123456789012345678901"},
    {kind::upper, "straße éà", "STRAßE ÉÀ"},
    {kind::lower, "ÄÖÜ ΑΒΓ", "äöü αβγ"},
    {kind::upper, true, "TRUE"},
    {kind::trim, " \t\r\n a b\n", "a b"},
    {kind::trim, "\n", ""},
    {kind::slug, "Größe: Ärger & Café (2026)!", "grosse-arger-cafe-2026"},
    {kind::slug, "--A__b--", "a-b"},
    {kind::slug, "日本 x", "x"},
    {kind::slug, 42, "42"},
    {kind::base64, "foob", "Zm9vYg=="}, // RFC 4648, section 10
    {kind::split, "a,,b", {"a", "", "b"}, ","},
    {kind::split, "", json::array({""}), ","},
    {kind::join,
     {"a", 1, true, big_integer("123456789012345678901")},
     "a, 1, true, 123456789012345678901",
     ", "},
    {kind::join, json::array(), "", ","},
    {kind::first, {1, 2}, 1},
    {kind::last, {1, {{"a", 2}}}, {{"a", 2}}},
    {kind::length, "äöü", 3},
    {kind::length, {1, 2}, 2},
    {kind::length, {{"a", 1}}, 1},
    {kind::length, 1234, 4},
    {kind::segments, "a/b", "a/b"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(applied(row.which, row.value, row.argument), row.made)
      << name_of(row.which) << ' ' << json_text(row.value);
}

TEST(TemplateFunctionTest, RefusesWhatCannotFit) {
  const struct {
    kind which;
    json value;
    const char* why;
  } rows[] = {
    {kind::upper, nullptr, "! | upper needs a text, but the value is null"},
    {kind::trim,
     {{"a", 1}},
     "! | trim needs a text, but the value is an object"},
    {kind::join, "a", "! | join needs an array, but the value is a text"},
    {kind::join,
     {"a", {1}},
     "! | join needs texts and numbers, but has an array at 1"},
    {kind::first, json::array(), "! | first finds nothing in an empty array"},
    {kind::last,
     {{"a", 1}},
     "! | last needs an array, but the value is an "
     "object"},
    {kind::length, nullptr,
     "! | length needs a text, an array or an object, "
     "but the value is null"},
    {kind::slug, "...", "! | slug finds no letter a to z and no digit"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(applied(row.which, row.value), row.why);
}

TEST(TemplateFunctionTest, WritesDatesInUtc) {
  const struct {
    json value;
    const char* format;
    const char* made;
  } rows[] = {
    {"2026-11-28T23:30:05Z", "%Y-%m-%d %H:%M:%S", "2026-11-28 23:30:05"},
    {"2026-11-28T23:30:05.123456-01:30", "%F %T", "2026-11-29 01:00:05"},
    {"2026-11-28t23:30:05z", "%d.%m.%y", "28.11.26"},
    {"2024-02-29 12:00:00+00:00", "%j", "060"},
    {1'795'823'999, "%FT%TZ", "2026-11-27T23:59:59Z"},
    {"1795823999", "%F", "2026-11-27"},
    {1795823999.75, "%s", "1795823999"},
    {-1, "%F %T", "1969-12-31 23:59:59"},
    {0, "%A, %d %B %Y, week %V, 100%%",
     "Thursday, 01 January 1970, week 01, "
     "100%"},
    {0, "%Z %z", "GMT +0000"},
    {"0000-01-01T00:00:00Z", "%m", "01"},
    {"9999-12-31T23:59:59Z", "%Y", "9999"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(applied(kind::date, row.value, row.format), row.made)
      << json_text(row.value) << ' ' << row.format;
  for (const json& bad :
       {json("yesterday"), json("2026-11-28"), json("2026-02-30T00:00:00Z"),
        json("2026-11-28T24:00:00Z"), json("2026-11-28T00:00:00"), json(""),
        json("10000-01-01T00:00:00Z"), json(1e300), json(253'402'300'800),
        big_integer("123456789012345678901"), json(true)})
    EXPECT_EQ(applied(kind::date, bad, "%F").get<std::string>().front(), '!')
      << json_text(bad);
}

TEST(TemplateFunctionTest, KnowsArgumentsThatCannotWork) {
  EXPECT_EQ(why_bad_argument({kind::date, "%F"}), "");
  EXPECT_NE(why_bad_argument({kind::date, ""}), "");
  EXPECT_NE(why_bad_argument({kind::date, "%5000d"}), "");
  EXPECT_NE(why_bad_argument({kind::split, ""}), "");
  EXPECT_EQ(why_bad_argument({kind::join, ""}), "");
}

TEST(TextFunctionTest, TakesNoHarmOfWhatIsNotUtf8) {
  for (const std::string text : {"\xff", "a\xc3", "\xe2\x82", "\xf0\x9f"}) {
    (void)upper_text(text);
    (void)slug_of(text);
  }
  EXPECT_EQ(upper_text("a\xf0\x9f\x98\x80"), "A\xf0\x9f\x98\x80");
}

} // namespace handoff
