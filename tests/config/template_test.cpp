#include "config/kept_answer.hpp"
#include "config/template.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace handoff {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class TemplateTest : public ::testing::Test {
protected:
  TemplateTest() {
    hook_.job = "01JOB";
    hook_.flow = "setup";
    body_ = {{"name", "Ä b/c"}, {"n", 7},
             {"f", 1.5},        {"t", true},
             {"null", nullptr}, {"list", {1, 2}},
             {"empty", ""},     {"dot", "."},
             {"dots", ".."},    {"a/b", {{"c~d", "deep"}}}};
    hook_.headers = {
      {"X-Name", "v1"}, {"X-Raw", "\xff"}, {"X-Bad", "a\r\nB: c"}};
    hook_.query = {{"q", "1&2"}};
    context_.hook = &hook_;
    context_.body = [this](const auto&) {
      return &body_;
    };
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

  nlohmann::json body_;
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
  EXPECT_EQ(text("{{body/list}}"),
            "! {{body/list}} is an array, which is not text");
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
  EXPECT_EQ(value("{{body}}"), body_);
  EXPECT_EQ(value(5), 5);
}

TEST_F(TemplateTest, EncodesWhatGoesIntoAUrl) {
  EXPECT_EQ(url("?a={{body/name}}"), "http://h/?a=%C3%84%20b%2Fc");
  EXPECT_EQ(url("?a={{query/q}}"), "http://h/?a=1%262");
  body_["name"] = "a?b#c@d:e%2e;=+'100%";
  EXPECT_EQ(url("{{body/name}}/x"),
            "http://h/a%3Fb%23c%40d%3Ae%252e%3B%3D%2B%27100%25/x");
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

TEST_F(TemplateTest, KeepsValuesWithinTheirSegmentForServersThatDecode) {
  const std::string slash = "! {{body/name}} has a slash in it, which a path "
                            "takes with | segments only";
  const std::string backslash =
    "! {{body/name}} has a backslash in it, which a path cannot take";
  const std::string dots =
    "! {{body/name}} makes a dot segment, which a path cannot take";

  const struct {
    const char* value;
    std::string made;
  } rows[] = {
    {"a/b", slash},
    {"../admin", slash},
    {"/", slash},
    {"a%2fb", slash},
    {"a%252Fb", slash},
    {"a%25252fb", slash},
    {"%2e%2e%2f", slash},
    {"a%c0%afb", slash},
    {"a%%32%66b", slash},
    {"a\\b", backslash},
    {"..%5cadmin", backslash},
    {"%255c", backslash},
    {"%2e%2e", dots},
    {".%2E", dots},
    {"%252e%252e", dots},
    {"%c0%ae.", dots},
    {"..;", dots},
    {"..;a=b", dots},
    {"%2e%2e%3bx", dots},
    {".;x", dots},
    {"..%00", dots},
    {"..%3fx", dots},
    {"...", "http://h/p/..."},
    {"..a", "http://h/p/..a"},
    {"a..", "http://h/p/a.."},
    {"a;..", "http://h/p/a%3B.."},
    {"50%", "http://h/p/50%25"},
    {"%zz", "http://h/p/%25zz"},
    {"%41", "http://h/p/%2541"},
  };

  for (const auto& row : rows) {
    body_["name"] = row.value;
    EXPECT_EQ(url("p/{{body/name}}"), row.made) << row.value;
  }
  body_["name"] = "e.";
  EXPECT_EQ(url("%2{{body/name}}/x"), dots);
}

TEST_F(TemplateTest, TakesSlashesOfSegmentsAsSeparators) {
  const std::string name = "! {{body/name | segments}} ";

  const struct {
    const char* value;
    std::string made;
  } rows[] = {
    {"a", "http://h/f/a/x"},
    {"a/b c/d%", "http://h/f/a/b%20c/d%25/x"},
    {"a//b", name + "has an empty segment"},
    {"/a", name + "has an empty segment"},
    {"a/", name + "has an empty segment"},
    {"", name + "has an empty segment"},
    {"a/../b", name + "makes a dot segment, which a path cannot take"},
    {"a/.", name + "makes a dot segment, which a path cannot take"},
    {"%2e%2e/b", name + "makes a dot segment, which a path cannot take"},
    {"a/..;x/b", name + "makes a dot segment, which a path cannot take"},
    {"a%2fb", name + "has an encoded slash in it, which a path cannot take"},
    {"a\\b", name + "has a backslash in it, which a path cannot take"},
  };

  for (const auto& row : rows) {
    body_["name"] = row.value;
    EXPECT_EQ(url("f/{{body/name | segments}}/x"), row.made) << row.value;
  }
  body_["name"] = "a/b";
  EXPECT_EQ(url("f/{{body/name | upper | segments}}"), "http://h/f/A/B");
  EXPECT_EQ(text("{{body/name | segments}}"),
            name + "has | segments, which is for paths only");
}

TEST_F(TemplateTest, AppliesFunctionsFromLeftToRight) {
  body_["tags"] = {"b", 7, "ä"};

  const struct {
    const char* text;
    const char* made;
  } rows[] = {
    {R"({{body/tags | join ", " | upper}})", "B, 7, Ä"},
    {R"({{body/x ?? "none" | upper}})", "NONE"},
    {R"({{body/x??"a|b }} c" | upper}})", "A|B }} C"},
    {R"({{ body/tags|join "|"|length }})", "5"},
    {R"({{query/q | split "&" | last}})", "2"},
    {R"({{query/q | json}} {{body/tags | json}})", R"("1&2" ["b",7,"ä"])"},
    {R"({{uid | base64}})", "NDI="},
    {R"({{header/X-Raw | upper}})", "! {{header/X-Raw | upper}} is not UTF-8"},
    {R"({{body/null | json}})", "null"},
    {R"({{body/tags | upper}})",
     "! {{body/tags | upper}} | upper needs a text, but the value is an array"},
    {R"({{body/name | first}})",
     "! {{body/name | first}} | first needs an array, but the value is a text"},
    {R"({{body/null | upper}})",
     "! {{body/null | upper}} | upper needs a text, but the value is null"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(text(row.text), row.made) << row.text;
  EXPECT_EQ(value("{{body/tags | length}}"), 3);
  EXPECT_EQ(value(R"({{query/q | split "&"}})"), json({"1", "2"}));
}

TEST_F(TemplateTest, WritesBracesAsAConstant) {
  EXPECT_EQ(text(R"(a {{"{{"}}uid}} {{ "}}" }}{{uid}})"), "a {{uid}} }}42");
  EXPECT_EQ(value(R"({{"{{"}})"), "{{");
}

TEST_F(TemplateTest, KnowsJobStepAndTime) {
  using namespace std::chrono;
  hook_.received = sys_days{year{2026} / 11 / 28} + 3661s + 7ms;
  EXPECT_EQ(text("{{received}}"), "2026-11-28T01:01:01.007Z");
  EXPECT_EQ(text(R"({{received | date "%d.%m.%Y %s"}})"),
            "28.11.2026 1795827661");
  context_.step = "share";
  const auto made = text("{{uuid}}");
  ASSERT_EQ(made.size(), 36u);
  EXPECT_EQ(made[14], '4');
  EXPECT_NE(std::string_view{"89ab"}.find(made[19]), std::string::npos);
  EXPECT_EQ(text("{{uuid}}"), made) << "the same in each attempt";
  context_.step = "folder";
  EXPECT_NE(text("{{uuid}}"), made);
  const json item = {{"id", 9}};
  context_.item = &item;
  context_.index = 3;
  EXPECT_EQ(text("{{item/id}} {{index}}"), "9 3");
}

TEST_F(TemplateTest, TakesWhatTheUpstreamSentOfSealedAnswers) {
  const secrets hidden{{"s3cret-token", "env:TOKEN"}};
  const json sent = {{"id", "s3cret-token-42"},
                     {"s3cret-token", {{"x", 1}}},
                     {"list", {"a s3cret-token", 7}},
                     {"odd", "\x01env:TOKEN\x02"}};
  clone_ = sealed(hidden, sent);
  EXPECT_EQ(clone_.dump().find("s3cret"), std::string::npos);
  const headers fields{{"Location", "/x/s3cret-token"}, {"X-Other", "1"}};
  const auto kept = kept_answer(hidden, sent, fields, {"location"});
  EXPECT_EQ(kept.dump().find("s3cret"), std::string::npos);
  EXPECT_EQ(kept_body(kept), clone_);
  EXPECT_EQ(kept_field(kept, "X-Other"), nullptr);
  clone_ = kept;
  folder_ = kept_answer(hidden, nullptr, fields, {"location"});
  context_.hidden = &hidden;
  EXPECT_EQ(text("{{clone/id}} {{clone/s3cret-token/x}}"), "s3cret-token-42 1");
  EXPECT_EQ(text("{{clone/odd}}"), "\x01env:TOKEN\x02");
  EXPECT_EQ(value("{{clone}}"), sent);
  EXPECT_EQ(value("{{clone/list}}"), sent["list"]);
  EXPECT_EQ(text("{{clone-header/location}} {{sub-header/folder/LOCATION}}"),
            "/x/s3cret-token /x/s3cret-token");
  EXPECT_EQ(text("{{sub-header/other/Location}}"),
            "! {{sub-header/other/Location}} is missing and has no default");
  const secrets others;
  context_.hidden = &others;
  EXPECT_EQ(text("{{clone/id}}"),
            "! {{clone/id}} cannot be had: an answer repeats the secret "
            "env:TOKEN, which this flow has no longer");
}

TEST_F(TemplateTest, RefusesControlCharactersInAHeader) {
  EXPECT_EQ(render("a {{header/X-Bad}}", template_place::header),
            "! {{header/X-Bad}} holds a control character, which a header "
            "cannot take");
  body_["name"] = "a\tb";
  EXPECT_EQ(render("{{body/name}}", template_place::header), "a\tb");
}

TEST_F(TemplateTest, RefusesBytesThatJsonCannotTake) {
  EXPECT_EQ(value("{{header/X-Raw}}"), "! {{header/X-Raw}} is not UTF-8");
  EXPECT_EQ(value("x{{header/X-Raw}}"), "! {{header/X-Raw}} is not UTF-8");
  EXPECT_EQ(url("{{header/X-Raw}}"), "http://h/%FF");
}

TEST_F(TemplateTest, NeverReadsAValueAsATemplate) {
  body_["name"] = "{{job}} ${env:HOME}";
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

TEST_F(TemplateTest, RefusesFunctionsThatCannotFit) {
  const struct {
    const char* text;
    const char* why;
  } rows[] = {
    {"{{uid | uper}}", "names no known function (did you mean upper?); "
                       "allowed: json, upper, lower, trim, slug, base64, "
                       "split, join, first, last, length, date and segments"},
    {"{{uid | }}", "names no known function; allowed: json"},
    {R"({{uid | join ","}})", "has | join, which cannot take a text"},
    {R"({{body | split "," | upper}})",
     "has | upper, which cannot take an array"},
    {"{{received | first}}", "has | first, which cannot take a text"},
    {"{{body | length | last}}", "has | last, which cannot take a number"},
    {"{{body | join}}",
     "has | join, which needs a text in double quotes after it"},
    {"{{body | split 7}}",
     "has | split, which needs a text in double quotes after it"},
    {R"({{body | split ""}})",
     "has | split, which needs a text to split at, but it is empty"},
    {R"({{body | date ""}})", "has | date, which needs a format of strftime"},
    {R"({{body | upper "x"}})", "has | upper, which takes no argument"},
    {"{{body | segments | upper}}",
     "has | segments, which has to be the last one"},
    {R"({{sub-header/a}})", "needs a field's name after that of the call"},
    {R"({{clone-header}})", "needs a name after the slash"},
    {R"({{received/x}})", "takes nothing after its name"},
  };

  for (const auto& row : rows) {
    const auto said = text(row.text);
    EXPECT_EQ(said.find("! " + std::string{row.text} + ' ' + row.why), 0u)
      << said;
  }
}

} // namespace handoff
