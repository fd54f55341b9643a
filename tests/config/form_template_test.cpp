#include "config/form_template.hpp"
#include "config/strict_json.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using nlohmann::json;

class FormTemplateTest : public ::testing::Test {
protected:
  FormTemplateTest() {
    body_ = {{"name", "Ä b&c=d+e"},
             {"n", 7},
             {"list", {"x y", 2, nullptr, true}},
             {"nested", {{"b", {1}}, {"a", {{"c", nullptr}, {"d", ""}}}}},
             {"deep", {{{"id", 1}}, {{"id", 2}}}},
             {"empty", json::array()}};
    context_.hook = &hook_;
    context_.body = [this](const auto&) {
      return &body_;
    };
  }

  /// As a flow's file has it.
  std::string form(const std::string& text,
                   form_arrays arrays = form_arrays::indices) {
    const auto whole = R"({"request": {"form": )" + text + "}}";
    auto parsed = std::get<json>(parse_strict_json("f", whole, 100));
    const auto ordered = with_ordered_forms(std::move(parsed), whole);
    auto compiled =
      form_template::compile(ordered["request"]["form"], arrays,
                             [](std::string literal) { return literal; });
    if (const auto* wrong = std::get_if<error>(&compiled))
      return "! " + wrong->detail;
    const auto made = std::get<form_template>(compiled).render(context_);
    if (const auto* wrong = std::get_if<error>(&made))
      return "! " + wrong->detail;
    return std::get<std::string>(made);
  }

  webhook hook_;
  json body_;
  template_context context_;
};

} // namespace

TEST_F(FormTemplateTest, WritesMembersInTheFlowsOrder) {
  const struct {
    const char* text;
    const char* made;
  } rows[] = {
    {R"({"z": 1, "a": "two", "m": true})", "z=1&a=two&m=true"},
    {R"({"b": {"y": 1, "x": {"q": 2}}, "a": 3})", "b[y]=1&b[x][q]=2&a=3"},
    {R"({"name": "{{body/name}}"})", "name=%C3%84+b%26c%3Dd%2Be"},
    {R"({"a b[c]": "*-._~"})", "a+b%5Bc%5D=*-._%7E"},
    {R"({"n": "{{body/n}}", "t": "n{{body/n}}"})", "n=7&t=n7"},
    {R"({"a": null, "b": [], "c": {}, "d": "", "e": "{{body/empty}}"})", "d="},
    {R"({"nested": "{{body/nested}}"})", "nested[a][d]=&nested[b][0]=1"},
    {R"({"a": [{"z": 1, "y": 2}]})", "a[0][z]=1&a[0][y]=2"},
    {R"({"big": 123456789012345678901})", "big=123456789012345678901"},
    {"{}", ""},
    {R"({"a": "{{body/x}}"})", "! {{body/x}} is missing and has no default"},
    {R"({"a": {"b": ["{{bdy}}"]}})",
     "! /a/b/0: {{bdy}} names no known source (did you mean body?); allowed: "
     "uid, job, flow, body, clone, sub, header, query, received, uuid, item, "
     "index, clone-header, sub-header, accepted, accepted-header, prepare and "
     "prepare-header"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(form(row.text), row.made) << row.text;
}

TEST_F(FormTemplateTest, NamesElementsOfArraysAsAsked) {
  const struct {
    form_arrays arrays;
    const char* text;
    const char* made;
  } rows[] = {
    {form_arrays::indices, R"({"l": "{{body/list}}"})",
     "l[0]=x+y&l[1]=2&l[3]=true"},
    {form_arrays::brackets, R"({"l": "{{body/list}}"})",
     "l[]=x+y&l[]=2&l[]=true"},
    {form_arrays::repeat, R"({"l": "{{body/list}}"})", "l=x+y&l=2&l=true"},
    {form_arrays::commas, R"({"l": "{{body/list}}"})", "l=x+y,2,true"},
    {form_arrays::indices, R"({"l": ["a", "{{body/n}}"]})", "l[0]=a&l[1]=7"},
    {form_arrays::brackets, R"({"l": ["a", "{{body/n}}"]})", "l[]=a&l[]=7"},
    {form_arrays::repeat, R"({"l": ["a", "{{body/n}}"]})", "l=a&l=7"},
    {form_arrays::commas, R"({"l": ["a,b", "{{body/n}}"]})", "l=a%2Cb,7"},
    {form_arrays::indices, R"({"l": "{{body/deep}}"})",
     "l[0][id]=1&l[1][id]=2"},
    {form_arrays::brackets, R"({"l": "{{body/deep}}"})", "l[][id]=1&l[][id]=2"},
    {form_arrays::commas, R"({"l": "{{body/deep}}"})",
     "! l has an array or an object in an array, which \"form_arrays\": "
     "\"commas\" cannot write"},
    {form_arrays::commas, R"({"l": [], "m": [null]})", ""},
  };

  for (const auto& row : rows)
    EXPECT_EQ(form(row.text, row.arrays), row.made) << row.text;
}

TEST_F(FormTemplateTest, KeepsTheOrderWithTheDefinition) {
  // A job that goes on after a restart sends the same bytes.
  const std::string text =
    R"({"clone": {"request": {"form": {"z": {"y": 1, "b": 2}, "a": 3},
        "body": {"form": {"z": 1, "a": 2}}}}})";
  const auto parsed = std::get<json>(parse_strict_json("f", text, 100));
  const auto kept = with_ordered_forms(parsed, text);
  const auto journaled =
    json::from_cbor(json::to_cbor(kept))["clone"]["request"];
  std::vector<std::string> names;
  for (const auto& [name, value] : form_members(journaled["form"]))
    names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"z", "a"}));
  EXPECT_EQ(journaled["body"], parsed["clone"]["request"]["body"]);
}

} // namespace handoff
