#include "config/condition_reader.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using nlohmann::json;

/// What is said of `value` as a condition; empty if nothing.
std::string said_of(const json& value, condition_place place) {
  flow_report report{"a.json", reference_resolver{""}, {}, {}};
  const auto made =
    read_condition(report, value, json::json_pointer{"/if"}, place);
  EXPECT_EQ(made.has_value(), report.errors.empty());
  std::string text;
  for (const auto& each : report.errors)
    text += (text.empty() ? "" : "\n") + to_string(each);
  return text;
}

/// `depth` conditions in each other.
json nested(std::size_t depth) {
  json made{{"status", 200}};
  for (std::size_t i = 1; i < depth; ++i)
    made = json{{"not", made}};
  return made;
}

json wide(std::size_t parts) {
  auto all = json::array();
  for (std::size_t i = 1; i < parts; ++i)
    all.push_back({{"status", 200}});
  return {{"all", all}};
}

} // namespace

TEST(ConditionReaderTest, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* expected;
  } rows[]{
    {"5", "a.json: /if: must be an object with at, header, status, value, is, "
          "exists, empty, at_least, at_most, starts_with, contains, all, any "
          "or not, but is the number 5"},
    {"{}", "a.json: /if: is empty, must have at least one of at, header, "
           "status, value, all, any or not"},
    {R"({"at": "/a"})", "a.json: /if: \"at\" has no test; allowed: is, exists, "
                        "empty, at_least, at_most, starts_with or contains"},
    {R"({"is": 1})", "a.json: /if/is: tests nothing, beside it must stand at, "
                     "header or value"},
    {R"({"status": 200, "is": 1})",
     "a.json: /if/is: tests nothing, beside it must stand at, header or value"},
    {R"({"at": "/a", "header": "B", "is": "c"})",
     "a.json: /if/header: stands beside \"at\", one condition has one of them; "
     "put several into \"all\" or \"any\""},
    {R"({"at": "a", "is": 1})", "a.json: /if/at: \"a\" is not a JSON pointer "
                                "(RFC 6901); allowed: a string "
                                "that begins with / such as \"/id\""},
    {R"({"header": "A B", "is": "c"})",
     "a.json: /if/header: \"A B\" is not a name of a header"},
    {R"({"status": 99})",
     "a.json: /if/status: must be a status from 100 to 599, a class such as "
     "\"2xx\", or an array of these, but is 99"},
    {R"({"status": [200, "6xx"]})",
     "a.json: /if/status/1: must be a status from 100 to 599, a class such as "
     "\"2xx\", or an array of these, but is \"6xx\""},
    {R"({"status": []})",
     "a.json: /if/status: must be a status from 100 to 599, a class such as "
     "\"2xx\", or an array of these, but is an empty array"},
    {R"({"at": "/a", "is": []})",
     "a.json: /if/is: has 0 values, must have 1 to 1000"},
    {R"({"at": "/a", "at_least": "1"})",
     "a.json: /if/at_least: must be a number, but is \"1\""},
    {R"({"any": []})", "a.json: /if/any: must be an array of at least one "
                       "condition, but is empty"},
    {R"({"all": {"status": 200}})",
     "a.json: /if/all: must be an array of at least one condition, but is an "
     "object"},
    {R"({"not": {"any": [{"at": "/a"}]}})",
     "a.json: /if/not/any/0: \"at\" has no test; allowed: is, exists, empty, "
     "at_least, at_most, starts_with or contains"},
    {R"({"at": "/a", "is": "{{bdy/x}}"})",
     "a.json: /if/is: {{bdy/x}} names no known source (did you mean body?); "
     "allowed: uid, job, flow, body, clone, sub, header, query, received, "
     "uuid, item, index, clone-header, sub-header, accepted, accepted-header, "
     "prepare and prepare-header"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(said_of(json::parse(row.text), condition_place::answer),
              row.expected)
      << row.text;
}

TEST(ConditionReaderTest, RefusesPartsOfAnAnswerWhereThereIsNone) {
  const std::string why = "is about an answer, and there is none here; "
                          "allowed: value, all, any or not";
  const auto place = condition_place::request;
  EXPECT_EQ(said_of({{"at", "/a"}, {"is", 1}}, place),
            "a.json: /if/at: " + why);
  EXPECT_EQ(said_of({{"header", "A"}, {"is", "b"}}, place),
            "a.json: /if/header: " + why);
  EXPECT_EQ(said_of({{"any", {{{"status", 200}}}}}, place),
            "a.json: /if/any/0/status: " + why);
  EXPECT_EQ(said_of({{"value", "{{body/a}}"}, {"is", 1}}, place), "");
}

TEST(ConditionReaderTest, BoundsDepthAndSize) {
  const auto place = condition_place::answer;
  EXPECT_EQ(said_of(nested(condition_depth_max), place), "");
  EXPECT_NE(said_of(nested(condition_depth_max + 1), place)
              .find("is nested too deep, at most 10"),
            std::string::npos);
  EXPECT_EQ(said_of(wide(condition_parts_max), place), "");
  EXPECT_EQ(said_of(wide(condition_parts_max + 50), place),
            "a.json: /if/all/99: is one condition too many, at most 100 may be "
            "in one");
  EXPECT_EQ(said_of({{"at", ""}, {"is", json(json::array_t(1000, 1))}}, place),
            "");
  EXPECT_EQ(said_of({{"at", ""}, {"is", json(json::array_t(1001, 1))}}, place),
            "a.json: /if/is: has 1001 values, must have 1 to 1000");
}

TEST(ConditionReaderTest, ChecksExpressionsWhereTheyStand) {
  flow_report report{"a.json", reference_resolver{""}, {}, {}};
  const json::json_pointer at{"/when"};
  const auto made = read_condition(
    report, json::parse(R"({"any": [{"value": "{{uid}}", "exists": true},
                            {"value": "{{body/a}}", "is": "{{sub/x/id}}"}]})"),
    at, condition_place::request);
  ASSERT_TRUE(made);
  check_condition(report, at, *made,
                  {{template_expression::source_kind::body}, {}, {}});
  ASSERT_EQ(report.errors.size(), 2u);
  EXPECT_EQ(
    to_string(report.errors[0]),
    "a.json: /when/any/0/value: {{uid}} is not known here; allowed: body");
  EXPECT_EQ(
    to_string(report.errors[1]),
    "a.json: /when/any/1/is: {{sub/x/id}} is not known here; allowed: body");
}

TEST(ConditionReaderTest, WarnsOfNumbersInHeaderFields) {
  flow_report report{"a.json", reference_resolver{""}, {}, {}};
  EXPECT_TRUE(read_condition(report, {{"header", "X-Left"}, {"at_most", 0}},
                             json::json_pointer{"/if"},
                             condition_place::answer));
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(report.warnings[0].where, "/if/at_most");
}

} // namespace handoff::test
