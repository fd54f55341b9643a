#include "tools/handoff/request_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace handoff::test {
namespace {

using ::testing::HasSubstr;

recorded_request read(std::string_view bytes) {
  auto made = read_recorded_request(bytes);
  if (const auto* wrong = std::get_if<error>(&made))
    ADD_FAILURE() << wrong->detail;
  return std::holds_alternative<error>(made)
         ? recorded_request{}
         : std::get<recorded_request>(std::move(made));
}

std::string refused(std::string_view bytes) {
  const auto made = read_recorded_request(bytes);
  const auto* wrong = std::get_if<error>(&made);
  return wrong != nullptr ? wrong->detail : "taken";
}

TEST(RequestFileTest, ReadsARequestAsItWasSent) {
  const auto made =
    read("POST /hooks/a?x=1 HTTP/1.1\r\nHost: b\r\nX-Sign:  s \r\n\r\n{\r\n}");
  EXPECT_EQ(made.method, "POST");
  EXPECT_EQ(made.path, "/hooks/a");
  EXPECT_EQ(made.query, "x=1");
  EXPECT_EQ(made.headers, (headers{{"Host", "b"}, {"X-Sign", "s"}}));
  EXPECT_EQ(made.body, "{\r\n}");
}

TEST(RequestFileTest, TakesLinesOfAnEditorAndLeavesWhatItAdded) {
  const auto made = read("POST /hooks/a HTTP/1.1\nContent-Length: 2\n\n{}\n");
  EXPECT_EQ(made.body, "{}");
  EXPECT_EQ(made.missing, 0u);
}

TEST(RequestFileTest, TellsThatABodyWasCutOff) {
  EXPECT_EQ(read("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}").missing, 7u);
}

TEST(RequestFileTest, PutsChunksTogether) {
  EXPECT_EQ(read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n")
              .body,
            "{}");
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "ff\r\n{"),
              HasSubstr("chunks"));
}

TEST(RequestFileTest, TakesTheTargetOfAProxy) {
  EXPECT_EQ(read("POST https://a.example/hooks/a HTTP/1.1\n\n").path,
            "/hooks/a");
}

TEST(RequestFileTest, SaysWhatIsNoRequest) {
  EXPECT_THAT(refused(""), HasSubstr("does not begin with a line"));
  EXPECT_THAT(refused("{\"a\": 1}"), HasSubstr("does not begin with a line"));
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nHost: a\r\n"),
              HasSubstr("no empty line"));
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nHost\r\n\r\n"), HasSubstr("colon"));
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
              HasSubstr("not a number"));
}

} // namespace
} // namespace handoff::test
