#include "http/front_door/wire_reply.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

const std::chrono::system_clock::time_point then{
  std::chrono::seconds(784'111'777)};

TEST(WireReplyTest, WritesTheHeadAndTheBody) {
  EXPECT_EQ(wire_reply({202, {{"Location", "/x"}}, "hello"}, {}, then),
            "HTTP/1.1 202 Accepted\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Location: /x\r\nContent-Length: 5\r\n\r\nhello");
}

TEST(WireReplyTest, HasNoBodyForHead) {
  wire_options options;
  options.head_only = true;
  const auto made = wire_reply({200, {}, "hello"}, options, then);
  EXPECT_NE(made.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(made.ends_with("\r\n\r\n"));
}

TEST(WireReplyTest, HasNoLengthFor204) {
  const auto made = wire_reply({204, {}, "hello"}, {}, then);
  EXPECT_EQ(made.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(made.ends_with("\r\n\r\n"));
}

TEST(WireReplyTest, SaysWhatBecomesOfTheConnection) {
  wire_options options;
  options.http_1_0 = true;
  EXPECT_NE(wire_reply({}, options, then).find("Connection: keep-alive\r\n"),
            std::string::npos);
  options.close = true;
  EXPECT_NE(wire_reply({}, options, then).find("Connection: close\r\n"),
            std::string::npos);
}

TEST(WireReplyTest, KeepsFramingToItself) {
  const auto made = wire_reply({200,
                                {{"content-length", "77"},
                                 {"Transfer-Encoding", "chunked"},
                                 {"Date", "today"}},
                                "hi"},
                               {}, then);
  EXPECT_EQ(made.find("Length: 77"), std::string::npos);
  EXPECT_EQ(made.find("chunked"), std::string::npos);
  EXPECT_EQ(made.find("today"), std::string::npos);
}

TEST(WireReplyTest, RefusesToSplitAnAnswer) {
  for (const auto& field :
       headers{{"X", "a\r\nSet-Cookie: b"}, {"X\r\nY", "a"}, {"", "a"}}) {
    const auto made = wire_reply({200, {field}, "hi"}, {}, then);
    EXPECT_TRUE(made.starts_with("HTTP/1.1 500 ")) << field.name;
    EXPECT_EQ(made.find("Set-Cookie"), std::string::npos);
  }
  EXPECT_TRUE(wire_reply({100, {}, ""}, {}, then).starts_with("HTTP/1.1 500 "));
}

} // namespace
} // namespace handoff
