#include "config/template.hpp"

#include <gtest/gtest.h>

namespace handoff {

namespace {

using nlohmann::json;

class TemplateTest : public ::testing::Test {
protected:
  TemplateTest() {
    hook_.job = "01JOB";
    hook_.flow = "setup";
    hook_.body = {{"name", "Ä b/c"}, {"n", 7},
                  {"f", 1.5},        {"t", true},
                  {"null", nullptr}, {"list", {1, 2}},
                  {"empty", ""},     {"dot", "."},
                  {"dots", ".."},    {"a/b", {{"c~d", "deep"}}}};
    hook_.headers = {
      {"X-Name", "v1"}, {"X-Raw", "\xff"}, {"X-Bad", "a\r\nB: c"}};
    hook_.query = {{"q", "1&2"}};
    context_.hook = &hook_;
    context_.uid = &uid_;
    context_.clone_answer = &clone_;
    context_.sub_answer = [this](std::string_view name) {
      return name == "folder" ? &folder_ : nullptr;
    };
  }

  std::string render(std::string_view text, template_place place) {
    auto compiled = text_template::compile(text);
    if (auto* wrong = std::get_if<error>(&compiled))
      return "! " + wrong->detail;
    auto made = std::get<text_template>(compiled).render(context_, place);
    if (auto* wrong = std::get_if<error>(&made))
      return "! " + wrong->detail;
    return std::get<std::string>(made);
  }

  std::string text(std::string_view t) {
    return render(t, template_place::text);
  }

  std::string url(std::string_view t) {
    return render("http://h/" + std::string{t}, template_place::url);
  }

  json value(const json& t) {
    auto compiled = json_template::compile(t);
    auto made = std::get<json_template>(compiled).render(context_);
    if (auto* wrong = std::get_if<error>(&made))
      return "! " + wrong->detail;
    return std::get<json>(made);
  }

  webhook hook_;
  json uid_ = 42;
  json clone_ = {{"id", "c1"}};
  json folder_ = {{"id", "f1"}};
  template_context context_;
};

} // namespace

TEST_F(TemplateTest, FillsInEverySource) {
  EXPECT_EQ(text("{{uid}} {{job}} {{flow}} {{body/n}} {{clone/id}} "
                 "{{sub/folder/id}} {{header/x-name}} {{query/q}}"),
            "42 01JOB setup 7 c1 f1 v1 1&2");
  EXPECT_EQ(text("{{ body/a~1b/c~0d }}{{body/f}}{{body/t}}"), "deep1.5true");
  EXPECT_EQ(text("no expression }} here"), "no expression }} here");
}

TEST_F(TemplateTest, FailsWhereAValueIsMissing) {
  EXPECT_EQ(text("{{body/x}}"), "! {{body/x}} is missing and has no default");
  EXPECT_EQ(text("{{sub/other}}"),
            "! {{sub/other}} is missing and has no default");
  EXPECT_EQ(text("{{body/list/9}}{{body/list/01}}"),
            "! {{body/list/9}} is missing and has no default");
  EXPECT_EQ(text("{{body/list/99999999999999999999999}}"),
            "! {{body/list/99999999999999999999999}} is missing and has no "
            "default");
  EXPECT_EQ(text("{{body/null}}"),
            "! {{body/null}} is null and has no default");
  EXPECT_EQ(text("{{body/list}}"), "! {{body/list}} is an array, which is no "
                                   "text");
  context_.uid = nullptr;
  EXPECT_EQ(text("{{uid}}"), "! {{uid}} is missing and has no default");
}

TEST_F(TemplateTest, TakesTheDefaultOfWhatIsMissingOrNull) {
  EXPECT_EQ(text(R"({{body/x ?? "a }} b"}})"), "a }} b");
  EXPECT_EQ(text(R"({{body/x ?? "say \"hi\""}})"), R"(say "hi")");
  EXPECT_EQ(text("{{body/null ?? 5}}{{body/x??true}}"), "5true");
  EXPECT_EQ(text(R"({{body/empty ?? "x"}})"), "");
  EXPECT_EQ(value("{{body/x ?? null}}"), nullptr);
}

TEST_F(TemplateTest, KeepsTheTypeOfAnExpressionOfItsOwn) {
  EXPECT_EQ(
    value({{"a", "{{body/n}}"},
           {"b", {"{{body/list}}", "x{{uid}}"}},
           {"{{k}}", "{{body/null}}"},
           {"q", "{{query/q}}"}}),
    json({{"a", 7}, {"b", {{1, 2}, "x42"}}, {"{{k}}", nullptr}, {"q", "1&2"}}));
  EXPECT_EQ(value("{{body}}"), hook_.body);
  EXPECT_EQ(value(5), 5);
}

TEST_F(TemplateTest, EncodesWhatGoesIntoAUrl) {
  EXPECT_EQ(url("{{body/name}}"), "http://h/%C3%84%20b%2Fc");
  EXPECT_EQ(url("?a={{query/q}}"), "http://h/?a=1%262");
  hook_.body["name"] = "a?b#c@d:e\\%2e;=+'";
  EXPECT_EQ(url("{{body/name}}/x"),
            "http://h/a%3Fb%23c%40d%3Ae%5C%252e%3B%3D%2B%27/x");
  EXPECT_EQ(url("A-z_0.9~{{uid}}"), "http://h/A-z_0.9~42");
}

TEST_F(TemplateTest, RefusesValuesThatChangeThePath) {
  const std::string why = " makes a dot segment, which a path cannot take";
  EXPECT_EQ(url("{{body/dot}}"), "! {{body/dot}}" + why);
  EXPECT_EQ(url("x/{{body/dots}}/y"), "! {{body/dots}}" + why);
  EXPECT_EQ(url("x/{{body/dot}}{{body/dot}}?a"), "! {{body/dot}}" + why);
  EXPECT_EQ(url("%2E{{body/dot}}"), "! {{body/dot}}" + why);
  EXPECT_EQ(url(".{{body/dot}}/a"), "! {{body/dot}}" + why);
  EXPECT_EQ(url("{{body/empty}}/a"),
            "! {{body/empty}} is empty, which a path cannot take");
  EXPECT_EQ(url("v{{body/dot}}1"), "http://h/v.1");
  EXPECT_EQ(url("a?b={{body/empty}}&c=/{{body/dots}}"), "http://h/a?b=&c=/..");
}

TEST_F(TemplateTest, RefusesControlCharactersInAHeader) {
  EXPECT_EQ(render("a {{header/X-Bad}}", template_place::header),
            "! {{header/X-Bad}} holds a control character, which a header "
            "cannot take");
  hook_.body["name"] = "a\tb";
  EXPECT_EQ(render("{{body/name}}", template_place::header), "a\tb");
}

TEST_F(TemplateTest, RefusesBytesThatJsonCannotTake) {
  EXPECT_EQ(value("{{header/X-Raw}}"), "! {{header/X-Raw}} is not UTF-8");
  EXPECT_EQ(value("x{{header/X-Raw}}"), "! {{header/X-Raw}} is not UTF-8");
  EXPECT_EQ(url("{{header/X-Raw}}"), "http://h/%FF");
}

TEST_F(TemplateTest, NeverReadsAValueAsATemplate) {
  hook_.body["name"] = "{{job}} ${env:HOME}";
  EXPECT_EQ(text("{{body/name}}"), "{{job}} ${env:HOME}");
}

TEST_F(TemplateTest, FiltersLiteralsAfterTheyWereCut) {
  const auto filter = [](const std::string& literal) -> result<std::string> {
    return literal == "S" ? "{{job}}" : literal;
  };
  auto compiled =
    text_template::compile(R"(S{{uid}}S{{body/x ?? "S"}})", filter);
  EXPECT_EQ(std::get<std::string>(std::get<text_template>(compiled).render(
              context_, template_place::text)),
            "{{job}}42{{job}}{{job}}");
}

TEST_F(TemplateTest, RefusesMalformedExpressions) {
  EXPECT_EQ(text("{{uid"), "! {{uid is not closed, it needs }} at its end");
  EXPECT_EQ(text("{{ }}"), "! {{ }} is empty");
  EXPECT_EQ(text("{{uid/a}}"), "! {{uid/a}} takes nothing after its name");
  EXPECT_EQ(text("{{header}}"), "! {{header}} needs a name after the slash");
  EXPECT_EQ(text("{{sub//id}}"),
            "! {{sub//id}} needs a sub-action's name after the slash");
  EXPECT_EQ(text("{{body/~2}}"),
            "! {{body/~2}} has a malformed JSON pointer, allowed after ~ are 0 "
            "and 1 (RFC 6901)");
  EXPECT_EQ(text("{{body/x ?? [1]}}").substr(0, 42),
            "! {{body/x ?? [1]}} has a malformed defaul");
  EXPECT_EQ(text(R"({{body/x ?? "a}})"),
            R"(! {{body/x ?? "a}} is not closed, it needs }} at its end)");
}

} // namespace handoff
