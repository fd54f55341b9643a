#include "front_door_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <string>
#include <system_error>

namespace handoff::test {
namespace {

class FrontDoorTest : public FrontDoorFixture {};

TEST_F(FrontDoorTest, AnswersManyRequestsOfOneConnection) {
  open();
  auto sender = client();
  for (int i = 0; i < 50; ++i) {
    const auto token = "token " + std::to_string(i);
    ASSERT_TRUE(sender.send(post("/echo", token)));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, token);
    EXPECT_EQ(answer->fields.count("date"), 1u);
    EXPECT_EQ(answer->fields.count("connection"), 0u);
  }
  EXPECT_EQ(door_->counts().requests, 50u);
  EXPECT_EQ(door_->counts().accepted, 1u);
}

TEST_F(FrontDoorTest, HandsOnWhatWasSent) {
  open();
  auto sender = client();
  // Field values that Pistache's own parsing would answer with an error.
  ASSERT_TRUE(sender.send("PUT /hold?a=b&c HTTP/1.1\r\nHost: h:x\r\n"
                          "Content-Type: ;\r\nCookie: =\r\nAccept: ?\r\n"
                          "Date: x\r\nX-A: 1\r\nX-A: 2\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n"
                          "3\r\na"));
  ASSERT_TRUE(sender.send(std::string("\0b\r\n0\r\n\r\n", 9)));
  const auto held = take_held();
  EXPECT_EQ(held.request.method, "PUT");
  EXPECT_EQ(held.request.path, "/hold");
  EXPECT_EQ(held.request.query, "a=b&c");
  EXPECT_EQ(held.request.body, std::string("a\0b", 3));
  EXPECT_EQ(held.request.headers.size(), 8u);
  EXPECT_LE(held.request.arrived, std::chrono::steady_clock::now());
  EXPECT_TRUE(held.answer->answer({201, {}, "done"}));
  EXPECT_EQ(sender.read_answer()->status, 201);
}

TEST_F(FrontDoorTest, AnswersPipelinedRequestsInOrder) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "1") + post("/echo", "2")
                          + post("/hold", "3") + post("/echo", "4")));
  auto first = take_held();
  EXPECT_EQ(first.request.body, "1");
  first.answer->answer({200, {}, "1"});
  auto third = take_held();
  EXPECT_EQ(third.request.body, "3");
  third.answer->answer({200, {}, "3"});
  for (const auto* body : {"1", "2", "3", "4"})
    EXPECT_EQ(sender.read_answer()->body, body);
}

TEST_F(FrontDoorTest, AnswersAThousandPipelinedRequests) {
  open();
  auto sender = client();
  std::string bytes;
  for (int i = 0; i < 1'000; ++i)
    bytes += post("/echo", std::to_string(i));
  ASSERT_TRUE(sender.send(bytes));
  for (int i = 0; i < 1'000; ++i)
    ASSERT_EQ(sender.read_answer()->body, std::to_string(i));
}

TEST_F(FrontDoorTest, TakesARequestByteByByte) {
  open();
  auto sender = client();
  for (const char byte : post("/echo", "slowly"))
    ASSERT_TRUE(sender.send({&byte, 1}));
  EXPECT_EQ(sender.read_answer()->body, "slowly");
}

TEST_F(FrontDoorTest, TakesBodiesUpToTheLimitAndNoMore) {
  options_.max_body = 300'000;
  open();
  auto sender = client();
  const std::string body(300'000, 'b');
  ASSERT_TRUE(sender.send(post("/echo", body)));
  EXPECT_EQ(sender.read_answer()->body, body);
  ASSERT_TRUE(sender.send(
    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 300001\r\n\r\n"));
  const auto answer = sender.read_answer();
  EXPECT_EQ(answer->status, 413);
  EXPECT_THAT(answer->body,
              testing::HasSubstr("The body is larger than "
                                 "http.max-body (300000 bytes)."));
  EXPECT_EQ(answer->fields.at("connection"), "close");
  EXPECT_TRUE(sender.at_end());
}

TEST_F(FrontDoorTest, AnswersHeadWithoutABody) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("HEAD /large HTTP/1.1\r\nHost: h\r\n"
                          "Content-Length: 2\r\n\r\n99"));
  EXPECT_EQ(sender.read_answer(false)->fields.at("content-length"), "99");
  ASSERT_TRUE(sender.send(post("/echo", "next")));
  EXPECT_EQ(sender.read_answer()->body, "next");
}

TEST_F(FrontDoorTest, LetsASenderContinue) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("POST /echo HTTP/1.1\r\nHost: h\r\n"
                          "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_EQ(sender.read_head(), "HTTP/1.1 100 Continue\r\n");
  ASSERT_TRUE(sender.send("hello"));
  EXPECT_EQ(sender.read_answer()->body, "hello");
}

TEST_F(FrontDoorTest, ClosesWhenAskedTo) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("GET /echo HTTP/1.1\r\nHost: h\r\n"
                          "Connection: close\r\n\r\n"));
  EXPECT_EQ(sender.read_answer()->fields.at("connection"), "close");
  EXPECT_TRUE(sender.at_end());
  auto old = client();
  ASSERT_TRUE(old.send("GET /echo HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old.read_answer()->fields.at("connection"), "close");
  EXPECT_TRUE(old.at_end());
  auto kept = client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n"
                          "\r\n"));
    EXPECT_EQ(kept.read_answer()->fields.at("connection"), "keep-alive");
  }
}

TEST_F(FrontDoorTest, GivesTheFallbackAtTheDeadline) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  const auto now = std::chrono::steady_clock::now();
  held.answer->answer_by(now + std::chrono::hours(1), {500, {}, "late"});
  held.answer->answer_by(now + std::chrono::milliseconds(30),
                         {202, {}, "in time"});
  EXPECT_EQ(sender.read_answer()->body, "in time");
  EXPECT_FALSE(held.answer->answer({200, {}, "too late"}));
  ASSERT_TRUE(sender.send(post("/echo", "next")));
  EXPECT_EQ(sender.read_answer()->body, "next");
}

TEST_F(FrontDoorTest, Answers500WhenARequestIsDropped) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/nowhere", "x")));
  const auto answer = sender.read_answer();
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->fields.at("content-type"), "application/problem+json");
}

TEST_F(FrontDoorTest, TellsWhatBecameOfAnAnswer) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  std::atomic<int> status = -1;
  std::atomic<bool> written = false;
  held.answer->on_outcome([&](const reply_outcome& what) {
    written = what.written;
    status = what.status;
  });
  EXPECT_EQ(door_->counts().held, 1u);
  held.answer->answer({201, {}, ""});
  EXPECT_EQ(sender.read_answer()->status, 201);
  EXPECT_TRUE(eventually([&] { return status == 201; }));
  EXPECT_TRUE(written);
  EXPECT_EQ(door_->counts().held, 0u);
}

TEST_F(FrontDoorTest, ClosesAfterAnswersWhenDraining) {
  open();
  auto idle = client();
  ASSERT_TRUE(idle.send(post("/echo", "x")));
  ASSERT_TRUE(idle.read_answer());
  auto busy = client();
  ASSERT_TRUE(busy.send(post("/hold", "x")));
  auto held = take_held();
  door_->close_after_answers();
  EXPECT_TRUE(idle.at_end());
  held.answer->answer({200, {}, "done"});
  const auto answer = busy.read_answer();
  EXPECT_EQ(answer->body, "done");
  EXPECT_EQ(answer->fields.at("connection"), "close");
  EXPECT_TRUE(busy.at_end());
}

TEST_F(FrontDoorTest, RefusesConnectionsOverTheLimit) {
  options_.max_connections = 2;
  open();
  auto one = std::make_unique<raw_client>(door_->port());
  auto two = client();
  for (auto* each : {one.get(), &two}) {
    ASSERT_TRUE(each->send(post("/echo", "x")));
    EXPECT_EQ(each->read_answer()->status, 200);
  }
  auto three = client();
  const auto answer = three.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->fields.at("retry-after"), "1");
  EXPECT_TRUE(three.at_end());
  EXPECT_EQ(options_.refusals->max_connections, 1u);
  EXPECT_EQ(options_.refusals->descriptors, 0u);
  one.reset();
  ASSERT_TRUE(eventually([this] { return door_->counts().connections == 1; }));
  auto four = client();
  ASSERT_TRUE(four.send(post("/echo", "x")));
  EXPECT_EQ(four.read_answer()->status, 200);
}

TEST_F(FrontDoorTest, ListensOnIpv6) {
  options_.address = "::1";
  try {
    open();
  } catch (const std::system_error& thrown) {
    GTEST_SKIP() << "no IPv6 here: " << thrown.what();
  }
  raw_client sender(door_->port(), "::1");
  ASSERT_TRUE(sender.send(post("/echo", "six")));
  EXPECT_EQ(sender.read_answer()->body, "six");
}

TEST_F(FrontDoorTest, SaysWhichAddressCannotBeBound) {
  open();
  front_door_options taken;
  taken.port = door_->port();
  try {
    const front_door second(taken, [](http_request, responder_ptr) {});
    FAIL() << "two front doors on one port";
  } catch (const std::system_error& thrown) {
    EXPECT_EQ(thrown.code(), std::errc::address_in_use);
    EXPECT_NE(std::string(thrown.what())
                .find("127.0.0.1:" + std::to_string(taken.port)),
              std::string::npos);
  }
}

} // namespace
} // namespace handoff::test
