#include "job/event.hpp"
#include "job/excerpt.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

std::string line_of(std::string body) {
  return headline({"", std::move(body), false});
}

TEST(ExcerptTest, PutsAnAnswerOnOneLine) {
  EXPECT_EQ(
    line_of("{\n  \"error\": \"no  template\",\n  \"at\": [\n    1\n  ]\n}"),
    R"({"error": "no  template", "at": [1]})");
  EXPECT_EQ(line_of("\n\r\n  no template \r\nmore"), "no template");
  EXPECT_EQ(line_of("<!doctype html><html><head>\n<title>502 Bad "
                    "Gateway</title></head>"),
            "502 Bad Gateway");
  EXPECT_EQ(line_of(""), "");
  EXPECT_EQ(line_of(" \n "), "");
  EXPECT_EQ(line_of(std::string(500, 'x')).size(), headline_bytes_max);
}

TEST(ExcerptTest, MasksWhatIsNamedAsSecret) {
  EXPECT_EQ(masked_answer(R"({"code": "taken", "access_token": "abc"})"),
            R"({"code": "taken", "access_token": "***"})");
  EXPECT_EQ(masked_answer("error=denied&client_secret=abc"),
            "error=denied&client_secret=***");
  EXPECT_EQ(masked_answer("code=taken"), "code=taken");
  EXPECT_EQ(masked_answer(R"({"sent": "Authorization: bearer eyJh.bG+/c9="})"),
            R"({"sent": "Authorization: bearer ***"})");
  EXPECT_EQ(masked_answer("a bearer of bad news, Basic authentication"),
            "a bearer of bad news, Basic authentication");
  EXPECT_EQ(masked_excerpt("code=abc", 100), "code=***");
}

TEST(ExcerptTest, MakesUtf8OfAnything) {
  EXPECT_EQ(as_utf8("Straße"), "Straße");
  EXPECT_EQ(as_utf8("a\xff"
                    "b\xc3"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
}

/// A record is bounded: what an upstream says again and again is kept once.
TEST(ExcerptTest, IsSharedByAttemptsThatGotTheSame) {
  job record;
  record.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  const auto ended = [](std::uint32_t number, std::string body) {
    attempt made;
    made.number = number;
    made.ended = true;
    made.upstream = "http://127.0.0.1";
    made.response = std::make_shared<const answer_excerpt>(
      answer_excerpt{"text/plain", std::move(body), false});
    return clone_attempt_ended{made, wall_time{}};
  };
  for (const auto& [number, body] :
       {std::pair{1u, "busy"}, {2u, "busy"}, {3u, "gone"}})
    ASSERT_TRUE(
      apply(record, make_event(record, wall_time{}, ended(number, body))));
  const auto& attempts = record.clone.attempts;
  EXPECT_EQ(attempts[0].response, attempts[1].response);
  EXPECT_EQ(attempts[2].response->body, "gone");
  EXPECT_EQ(attempts[0].upstream, "");
}

} // namespace
} // namespace handoff
