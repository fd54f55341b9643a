#include "config/secrets.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using nlohmann::json;

const secrets hidden{{"abcdefgh", "env:A"},
                     {"efghijkl", "env:B"},
                     {"acme", "env:TENANT"},
                     {"no", "env:SHORT"},
                     {"sender-secret", "/verify/secret", false}};

std::string opened(const std::string& text) {
  const auto made = unsealed_text(hidden, text);
  if (const auto* wrong = std::get_if<error>(&made))
    return "! " + wrong->detail;
  return std::get<std::string>(made);
}

} // namespace

TEST(SecretsTest, MasksWhatPeopleSee) {
  const struct {
    const char* text;
    const char* seen;
  } rows[] = {
    {"nothing", "nothing"},
    {"Bearer abcdefgh", "Bearer ***"},
    {"xabcdefghx", "x***x"},
    {"abcdefghijkl", "***"},
    {"abcdefghabcdefgh", "***"},
    {"abcdefgh abcdefgh", "*** ***"},
    {"sender-secret", "***"},
    // Short ones only as words, and very short ones not at all.
    {"/t/acme-42?acme", "/t/***-42?***"},
    {"acme", "***"},
    {"acmeville macme", "acmeville macme"},
    {"no, none", "no, none"},
    {"", ""},
  };

  for (const auto& row : rows)
    EXPECT_EQ(masked(hidden, std::string{row.text}), row.seen) << row.text;
}

TEST(SecretsTest, MasksSecretsThatAreEncoded) {
  const secrets odd{{"tok+en/with=ch\u00e4rs", "env:ODD"},
                    {"two words\n", "env:TWO"},
                    {"\U0001d11e-clef", "env:CLEF"},
                    {"acme", "env:TENANT"}};

  const struct {
    const char* text;
    const char* seen;
  } rows[] = {
    // Percent-encoded, in either case, in part, and twice.
    {"k=tok%2Ben%2Fwith%3Dch%C3%A4rs&l=1", "k=***&l=1"},
    {"k=tok%2ben%2fwith%3dch%c3%a4rs", "k=***"},
    {"/%74ok+en/with=ch%c3%a4rs!", "/***!"},
    {"tok%252Ben%252Fwith%253Dch%25C3%25A4rs", "***"},
    {"two+words%0A&two%20words%0a", "***&***"},
    // Of JSON, as PHP and Python write it, and JSON within a string of JSON.
    {R"({"a":"tok+en\/with=ch\u00e4rs"})", R"({"a":"***"})"},
    {R"("tok\u002Ben\u002fwith\u003dch\u00E4rs")", R"("***")"},
    {R"("two words\n")", R"("***")"},
    {R"("\ud834\udd1e-clef")", R"("***")"},
    {R"("{\"a\":\"tok+en\\/with=ch\\u00e4rs\"}")", R"("{\"a\":\"***\"}")"},
    {R"("https:\/\/a.example\/?k=tok%2Ben%2Fwith%3Dch%C3%A4rs")",
     R"("https:\/\/a.example\/?k=***")"},
    // A short one as a word; what stands around it is no part of it.
    {R"("a\nacme\tb %20acme%2C")", R"("a\n***\tb %20***%2C")"},
    // What is no encoding stays as it is.
    {R"(100% of \ \u12 \ud834 %4 %)", R"(100% of \ \u12 \ud834 %4 %)"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(masked(odd, std::string{row.text}), row.seen) << row.text;
}

TEST(SecretsTest, SealsWhatIsJournaledAndGivesItBack) {
  for (const std::string text :
       {"", "nothing", "abcdefgh", "xabcdefghx", "abcdefghijkl", "a acme-1",
        "efghijklabcdefghijkl", "\x01", "\x01\x02", "\x01env:A\x02",
        "\x01\x01\x02\x03",
        "abcdefgh\x01"
        "env:A\x02"}) {
    const auto made = sealed_text(hidden, text);
    EXPECT_EQ(made.find("abcd"), std::string::npos) << text;
    EXPECT_EQ(made.find("ijkl"), std::string::npos) << text;
    EXPECT_EQ(opened(made), text);
  }
}

// What was percent-encoded, as in a link, was journaled in clear.
TEST(SecretsTest, SealsSecretsAsUrlsAndFormsHaveThem) {
  const secrets odd{{"a+b/c=(d)~é f", "env:ODD"}, {"k/y=", "env:SHORT"}};
  for (const std::string text :
       {"x?k=a%2Bb%2Fc%3D%28d%29~%C3%A9%20f&l=1",
        "x?k=a%2bb%2fc%3d%28d%29~%c3%a9%20f&l=1",
        "k=a%2Bb%2Fc%3D%28d%29%7E%C3%A9+f", "a%2Bb%2Fc%3D(d)~%C3%A9%20f",
        "a%2Bb/c%3D%28d%29~%C3%A9%20f", "a+b/c=(d)~%C3%A9%20f",
        "a+b/c=(d)~é f a%2Bb%2Fc%3D%28d%29~%C3%A9%20f", "k%2Fy%3D",
        "50% + \x04 k%2Fy%3D!"}) {
    const auto made = sealed_text(odd, text);
    EXPECT_EQ(made.find("(d)"), std::string::npos) << text;
    EXPECT_EQ(made.find("28d"), std::string::npos) << text;
    EXPECT_EQ(made.find("k%2Fy"), std::string::npos) << text;
    const auto plain = unsealed_text(odd, made);
    ASSERT_TRUE(std::holds_alternative<std::string>(plain)) << text;
    EXPECT_EQ(std::get<std::string>(plain), text);
  }
  const secrets rotated{{"new+1", "env:ODD"}};
  EXPECT_EQ(std::get<std::string>(unsealed_text(
              rotated, sealed_text(odd, "k=a%2bb%2fc%3d%28d%29~%c3%a9%20f"))),
            "k=new%2b1");
  EXPECT_EQ(sealed_text(odd, "xk%2Fy%3Dx"), "xk%2Fy%3Dx") << "not a word";
}

TEST(SecretsTest, LeavesTextsWithoutSecretsAsTheyAre) {
  const json answer = {{"a", "text"}, {"b", {1, nullptr, "acmeville"}}};
  EXPECT_EQ(sealed(hidden, answer), answer);
  EXPECT_FALSE(is_sealed(sealed(hidden, answer)));
}

TEST(SecretsTest, SealsNamesAndValuesOfAnswers) {
  const json answer = {{"abcdefgh", {{"acme-1", 7}}},
                       {"list", {"x abcdefgh", {{"deep", "efghijkl"}}}},
                       {"plain", true}};
  const auto made = sealed(hidden, answer);
  EXPECT_EQ(made.dump().find("abcdefgh"), std::string::npos);
  EXPECT_TRUE(is_sealed(made));
  EXPECT_EQ(std::get<json>(unsealed(hidden, made)), answer);
  const auto* found =
    find_sealed(hidden, made, json::json_pointer{"/abcdefgh/acme-1"});
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, 7);
  EXPECT_EQ(find_sealed(hidden, made, json::json_pointer{"/abcdefgh/x"}),
            nullptr);
  EXPECT_EQ(*find_sealed(hidden, made, json::json_pointer{"/plain"}), true);
}

TEST(SecretsTest, KeepsSecretsOfSendersOutOfReferences) {
  // A job that goes on after a restart has them not, and could not go on.
  EXPECT_EQ(sealed_text(hidden, "sender-secret"), "sender-secret");
}

TEST(SecretsTest, GivesTheValueThatASecretHasNow) {
  const auto made = sealed_text(hidden, "x abcdefgh");
  const secrets rotated{{"12345678", "env:A"}};
  EXPECT_EQ(std::get<std::string>(unsealed_text(rotated, made)), "x 12345678");
  const auto lost = unsealed_text({}, made);
  EXPECT_EQ(std::get<error>(lost).kind, error_kind::template_failed);
  EXPECT_NE(std::get<error>(lost).detail.find("env:A"), std::string::npos);
}

} // namespace handoff
