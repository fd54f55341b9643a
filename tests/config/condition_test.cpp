#include "config/condition.hpp"
#include "config/condition_reader.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using nlohmann::json;

/// An answer of an upstream and a webhook to ask conditions of.
class ConditionTest : public ::testing::Test {
protected:
  ConditionTest() {
    hook_.job = "01J";
    body_ = json::parse(
      R"({"team": "red", "none": null, "tags": ["a", "b"], "count": 3})");
    hook_.headers = {{"X-Event", "push"}};
    context_.hook = &hook_;
    context_.body = [this](const auto&) {
      return &body_;
    };
  }

  condition compile(const std::string& text) {
    flow_report report{"a.json", reference_resolver{""}, {}, {}};
    auto made = read_condition(report, json::parse(text), json::json_pointer{},
                               condition_place::answer);
    for (const auto& each : report.errors)
      ADD_FAILURE() << text << ": " << to_string(each);
    return made.value_or(condition{});
  }

  bool asked(const std::string& text) {
    condition_view view{&answer_, &fields_, status_, &context_};
    return holds(compile(text), view);
  }

  json answer_ = json::parse(R"({
    "status": "completed", "code": 7, "share": 0.5, "big": 9007199254740993,
    "none": null, "no": false, "text": "", "list": [], "object": {},
    "items": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
    "tags": ["a", "b", 3]
  })");
  headers fields_{{"X-Left", "0"}, {"Empty", ""}, {"x-left", "9"}};
  int status_ = 200;
  nlohmann::json body_;
  webhook hook_;
  template_context context_;
};

struct row {
  const char* text;
  bool expected;
};

} // namespace

TEST_F(ConditionTest, ComparesWithIs) {
  for (const auto& [text, expected] : {
         row{R"({"at": "/status", "is": "completed"})", true},
         row{R"({"at": "/status", "is": "complete"})", false},
         row{R"({"at": "/status", "is": ["failed", "completed"]})", true},
         row{R"({"at": "/status", "is": ["failed", "cancelled"]})", false},
         row{R"({"at": "/code", "is": 7})", true},
         row{R"({"at": "/code", "is": 7.0})", true},
         row{R"({"at": "/code", "is": "7"})", false},
         row{R"({"at": "/big", "is": 9007199254740993})", true},
         row{R"({"at": "/big", "is": 9007199254740992})", false},
         row{R"({"at": "/no", "is": false})", true},
         row{R"({"at": "/no", "is": 0})", false},
         row{R"({"at": "/tags", "is": [["a", "b", 3]]})", true},
         row{R"({"at": "/tags", "is": ["a", "b", 3]})", false},
         row{R"({"at": "/items/0", "is": {"name": "x", "id": 1}})", true},
         row{R"({"at": "/items/1/id", "is": 2})", true},
         row{R"({"at": "/none", "is": null})", true},
         row{R"({"at": "/gone", "is": null})", false},
         row{R"({"at": "/gone", "is": ["", false, null]})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, RendersTheExpressionsOfIs) {
  answer_ = json::parse(R"({"note": "01J", "team": "red", "n": 3})");
  for (const auto& [text, expected] : {
         row{R"({"at": "/note", "is": "{{job}}"})", true},
         row{R"({"at": "/team", "is": ["blue", "{{body/team}}"]})", true},
         row{R"({"at": "/n", "is": "{{body/count}}"})", true},
         row{R"({"at": "/team", "is": "{{body/gone}}"})", false},
         row{R"({"at": "/team", "is": ["{{body/gone}}", "red"]})", true},
         row{R"({"at": "", "is": {"note": "{{job}}", "team": "red", "n": 3}})",
             true},
         row{R"({"at": "/note", "contains": "{{job}}"})", true},
         row{R"({"at": "/note", "starts_with": "{{body/gone}}"})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, TellsWhatExists) {
  for (const auto& [text, expected] : {
         row{R"({"at": "/status", "exists": true})", true},
         row{R"({"at": "/status", "exists": false})", false},
         row{R"({"at": "/gone", "exists": true})", false},
         row{R"({"at": "/gone", "exists": false})", true},
         row{R"({"at": "/none", "exists": true})", false},
         row{R"({"at": "/none", "exists": false})", true},
         row{R"({"at": "/no", "exists": true})", true},
         row{R"({"at": "/text", "exists": true})", true},
         row{R"({"at": "", "exists": true})", true},
         row{R"({"at": "/items/2", "exists": true})", false},
         row{R"({"at": "/items/name", "exists": true})", false},
         row{R"({"at": "/status/deeper", "exists": true})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, TellsWhatIsEmpty) {
  for (const auto& member : {"gone", "none", "text", "list", "object"}) {
    const std::string at = R"({"at": "/)" + std::string{member};
    EXPECT_TRUE(asked(at + R"(", "empty": true})")) << member;
    EXPECT_FALSE(asked(at + R"(", "empty": false})")) << member;
  }
  for (const auto& member : {"no", "code", "status", "items", "items/0"}) {
    const std::string at = R"({"at": "/)" + std::string{member};
    EXPECT_FALSE(asked(at + R"(", "empty": true})")) << member;
    EXPECT_TRUE(asked(at + R"(", "empty": false})")) << member;
  }
}

TEST_F(ConditionTest, ComparesNumbersByValueOnly) {
  for (const auto& [text, expected] : {
         row{R"({"at": "/code", "at_least": 7})", true},
         row{R"({"at": "/code", "at_least": 7.5})", false},
         row{R"({"at": "/code", "at_most": 7.0})", true},
         row{R"({"at": "/code", "at_most": 6})", false},
         row{R"({"at": "/code", "at_least": 5, "at_most": 9})", true},
         row{R"({"at": "/code", "at_least": 8, "at_most": 9})", false},
         row{R"({"at": "/share", "at_least": 0})", true},
         row{R"({"at": "/big", "at_most": 9007199254740992})", false},
         row{R"({"at": "/status", "at_least": 0})", false},
         row{R"({"at": "/status", "at_most": 0})", false},
         row{R"({"at": "/none", "at_least": 0})", false},
         row{R"({"at": "/no", "at_least": 0})", false},
         row{R"({"at": "/gone", "at_most": 0})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, LooksIntoTextsAndArrays) {
  for (const auto& [text, expected] : {
         row{R"({"at": "/status", "starts_with": "comp"})", true},
         row{R"({"at": "/status", "starts_with": ""})", true},
         row{R"({"at": "/status", "starts_with": "omp"})", false},
         row{R"({"at": "/tags", "starts_with": "a"})", false},
         row{R"({"at": "/code", "starts_with": "7"})", false},
         row{R"({"at": "/gone", "starts_with": ""})", false},
         row{R"({"at": "/status", "contains": "plet"})", true},
         row{R"({"at": "/status", "contains": "Plet"})", false},
         row{R"({"at": "/tags", "contains": "b"})", true},
         row{R"({"at": "/tags", "contains": 3.0})", true},
         row{R"({"at": "/tags", "contains": "3"})", false},
         row{R"({"at": "/items", "contains": {"id": 2, "name": "y"}})", true},
         row{R"({"at": "/items", "contains": {"id": 2}})", false},
         row{R"({"at": "/object", "contains": "a"})", false},
         row{R"({"at": "/code", "contains": "7"})", false},
         row{R"({"at": "/gone", "contains": ""})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, TestsFieldsOfTheAnswer) {
  for (const auto& [text, expected] : {
         row{R"({"header": "x-LEFT", "is": "0"})", true},
         row{R"({"header": "X-Left", "is": 0})", false},
         row{R"({"header": "X-Left", "is": "9"})", false},
         row{R"({"header": "X-Left", "exists": true})", true},
         row{R"({"header": "Gone", "exists": false})", true},
         row{R"({"header": "Gone", "empty": true})", true},
         row{R"({"header": "Empty", "empty": true})", true},
         row{R"({"header": "Empty", "exists": true})", true},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, TestsTheStatus) {
  status_ = 422;
  for (const auto& [text, expected] : {
         row{R"({"status": 422})", true},
         row{R"({"status": 409})", false},
         row{R"({"status": [409, 422]})", true},
         row{R"({"status": "4xx"})", true},
         row{R"({"status": "2xx"})", false},
         row{R"({"status": ["2xx", 422]})", true},
         row{R"({"status": 422, "at": "/code", "is": 7})", true},
         row{R"({"status": 409, "at": "/code", "is": 7})", false},
         row{R"({"status": 422, "at": "/code", "is": 8})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, TestsTheValueOfAnExpression) {
  for (const auto& [text, expected] : {
         row{R"({"value": "{{body/team}}", "exists": true})", true},
         row{R"({"value": "{{body/gone}}", "exists": true})", false},
         row{R"({"value": "{{body/none}}", "exists": true})", false},
         row{R"({"value": "{{body/none}}", "is": null})", true},
         row{R"({"value": "{{body/gone ?? \"red\"}}", "is": "red"})", true},
         row{R"({"value": "{{body/gone}}", "empty": true})", true},
         row{R"({"value": "{{body/count}}", "at_least": 3})", true},
         row{R"({"value": "{{body/tags}}", "contains": "b"})", true},
         row{R"({"value": "{{header/x-event}}", "is": "push"})", true},
         row{R"({"value": "{{body/team}}-{{body/count}}", "is": "red-3"})",
             true},
         // A text cannot be made of an array.
         row{R"({"value": "x{{body/tags}}", "exists": true})", false},
       })
    EXPECT_EQ(asked(text), expected) << text;
}

TEST_F(ConditionTest, CombinesOthers) {
  const std::string yes = R"({"at": "/code", "is": 7})";
  const std::string no = R"({"at": "/code", "is": 8})";
  EXPECT_TRUE(asked(R"({"all": [)" + yes + "," + yes + "]}"));
  EXPECT_FALSE(asked(R"({"all": [)" + yes + "," + no + "]}"));
  EXPECT_TRUE(asked(R"({"any": [)" + no + "," + yes + "]}"));
  EXPECT_FALSE(asked(R"({"any": [)" + no + "," + no + "]}"));
  EXPECT_TRUE(asked(R"({"not": )" + no + "}"));
  EXPECT_FALSE(asked(R"({"not": )" + yes + "}"));
  EXPECT_TRUE(asked(R"({"not": {"not": )" + yes + "}}"));
  // All members of one object must hold.
  EXPECT_FALSE(asked(R"({"any": [)" + yes + R"(], "not": )" + yes + "}"));
  EXPECT_FALSE(asked(R"({"status": 201, "any": [)" + yes + "]}"));
  // A test of what is missing is false, so that its contrary holds.
  EXPECT_TRUE(asked(R"({"not": {"at": "/gone", "is": 1}})"));
}

TEST_F(ConditionTest, HoldsNotWhereThereIsNoAnswer) {
  const condition_view nothing;
  EXPECT_FALSE(holds(compile(R"({"at": "", "exists": true})"), nothing));
  EXPECT_TRUE(holds(compile(R"({"at": "/x", "exists": false})"), nothing));
  EXPECT_FALSE(holds(compile(R"({"header": "A", "exists": true})"), nothing));
  EXPECT_FALSE(holds(compile(R"({"status": "2xx"})"), nothing));
  EXPECT_FALSE(holds(compile(R"({"value": "{{job}}", "is": "01J"})"), nothing));
}

TEST_F(ConditionTest, NamesItsExpressions) {
  const auto made = compile(R"({"all": [
    {"value": "{{body/a}}", "is": ["{{job}}", "{{header/X}}"]},
    {"not": {"at": "/x", "contains": "{{query/q}}"}}],
    "any": [{"at": "/y", "starts_with": "{{flow}}"}]})");
  std::set<std::string> found;
  for (const auto* each : expressions_of(made))
    found.insert(each->text);
  EXPECT_EQ(found,
            (std::set<std::string>{"{{body/a}}", "{{job}}", "{{header/X}}",
                                   "{{query/q}}", "{{flow}}"}));
}

} // namespace handoff::test
