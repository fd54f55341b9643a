// Clients that misbehave, handlers that throw and doors that close early. Goal:
// none of them touches another client. Method: real sockets, and after each
// fault a well-behaved client that must be served.
#include "front_door_fixture.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace handoff::test {
namespace {

class FrontDoorFaultsTest : public FrontDoorFixture {
protected:
  FrontDoorFaultsTest() { options_.threads = 1; }

  void expect_service() {
    auto other = client();
    ASSERT_TRUE(other.send(post("/echo", "still there")));
    const auto answer = other.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "still there");
  }
};

TEST_F(FrontDoorFaultsTest, AnswersWhatItRefusesAndCloses) {
  open();
  const std::pair<const char*, int> refused[] = {
    {"\x16\x03\x01", 400},
    {"hello\r\n", 400},
    {"BREW / HTTP/1.1\r\n", 501},
    {"GET / HTTP/3.0\r\n", 505},
    {"GET / HTTP/1.1\r\nHost: h\r\nTE : x\r\n", 400},
  };
  for (const auto& [bytes, status] : refused) {
    auto sender = client();
    ASSERT_TRUE(sender.send(bytes));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->status, status) << bytes;
    EXPECT_EQ(answer->fields.at("content-type"), "application/problem+json");
    EXPECT_TRUE(sender.at_end());
  }
  EXPECT_EQ(door_->counts().rejected_requests, 5u);
  expect_service();
}

TEST_F(FrontDoorFaultsTest, DoesNotResetARefusedSenderThatStillSends) {
  options_.max_body = 1'000;
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("POST /echo HTTP/1.1\r\nHost: h\r\n"
                          "Content-Length: 100000\r\n\r\n"));
  const auto answer = sender.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  // A reset, as the answer to the first piece, would fail the next one.
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(sender.send(std::string(10'000, 'x')));
  EXPECT_TRUE(sender.at_end());
}

TEST_F(FrontDoorFaultsTest, SurvivesHandlersThatThrow) {
  open();
  auto sender = client();
  for (const auto* path : {"/throw", "/throw-other"}) {
    ASSERT_TRUE(sender.send(post(path, "x")));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(answer->body.find("secret"), std::string::npos);
  }
  ASSERT_TRUE(sender.send(post("/echo", "next")));
  EXPECT_EQ(sender.read_answer()->body, "next");
}

// Goal: 413 reaches a sender that sends first and reads afterwards, and nobody
// keeps a connection by going on sending (RFC 9112, section 9.6).
TEST_F(FrontDoorFaultsTest, ReadsOnAfterARefusalThenResets) {
  options_.max_body = 1'000;
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("POST /echo HTTP/1.1\r\nHost: h\r\n"
                          "Content-Length: 8000000\r\n\r\n"));
  ASSERT_TRUE(sender.send(std::string(8'000'000, 'x')));
  EXPECT_EQ(sender.read_answer()->status, 413);
  EXPECT_TRUE(sender.at_end());
  sender.close();
  auto endless = client();
  ASSERT_TRUE(endless.send("POST /echo HTTP/1.1\r\nHost: h\r\n"
                           "Transfer-Encoding: chunked\r\n\r\nffffff\r\n"));
  const std::string piece(1'000'000, 'x');
  int sent = 0;
  while (sent < 100 && endless.send(piece))
    ++sent;
  EXPECT_LT(sent, 50);
  expect_service();
  EXPECT_TRUE(eventually([this] { return door_->counts().connections == 0; }));
}

TEST_F(FrontDoorFaultsTest, ResetsARefusedSenderThatDrips) {
  options_.max_body = 1'000;
  options_.linger_time = std::chrono::milliseconds(200);
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send("POST /echo HTTP/1.1\r\nHost: h\r\n"
                          "Content-Length: 8000000\r\n\r\n"));
  EXPECT_EQ(sender.read_answer()->status, 413);
  const auto begin = std::chrono::steady_clock::now();
  while (sender.send("x"))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(FrontDoorFaultsTest, TellsOfASenderThatResets) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  std::atomic<int> told = 0;
  held.answer->on_outcome([&](const reply_outcome& what) {
    EXPECT_EQ(what.status, 0);
    EXPECT_FALSE(what.written);
    ++told;
  });
  sender.close(true);
  ASSERT_TRUE(eventually([&] { return told == 1; }));
  EXPECT_FALSE(held.answer->answer({200, {}, "nobody"}));
  held.answer.reset();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(door_->counts().held, 0u);
  expect_service();
}

TEST_F(FrontDoorFaultsTest, TellsOfASenderThatResetsBehindWhatItPipelined) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  std::atomic<int> told = 0;
  held.answer->on_outcome([&](const reply_outcome&) { ++told; });
  // More than is read ahead.
  ASSERT_TRUE(sender.send(post("/echo", std::string(200'000, 'x'))));
  sender.close(true);
  EXPECT_TRUE(eventually([&] { return told == 1; }));
  EXPECT_FALSE(held.answer->answer({200, {}, "nobody"}));
}

// RFC 9112, 9.6: who has closed its sending side still reads.
TEST_F(FrontDoorFaultsTest, AnswersASenderThatHasClosedItsSide) {
  open();
  auto sender = client();
  ASSERT_TRUE(
    sender.send(post("/hold", "1") + post("/echo", "2") + post("/hold", "3")));
  sender.end_sending();
  auto held = take_held();
  expect_service();
  EXPECT_TRUE(held.answer->answer({200, {}, "1"}));
  EXPECT_EQ(sender.read_answer()->body, "1");
  EXPECT_EQ(sender.read_answer()->body, "2");
  EXPECT_TRUE(take_held().answer->answer({200, {}, "3"}));
  const auto last = sender.read_answer();
  EXPECT_EQ(last->body, "3");
  EXPECT_EQ(last->fields.at("connection"), "close");
  EXPECT_TRUE(sender.at_end());
  EXPECT_TRUE(eventually([this] { return door_->counts().connections == 0; }));
}

TEST_F(FrontDoorFaultsTest, GivesALargeAnswerToASenderThatHasClosedItsSide) {
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/large", "20000000")));
  sender.end_sending();
  EXPECT_FALSE(sender.read_head().empty());
  EXPECT_EQ(sender.skip(20'000'000), 20'000'000u);
  EXPECT_TRUE(sender.at_end());
}

TEST_F(FrontDoorFaultsTest, AnswersHalfARequestThatEnds) {
  open();
  for (const auto* half : {"GET / HT", "POST /echo HTTP/1.1\r\nHost: h\r\n"
                                       "Content-Length: 9\r\n\r\nhalf"}) {
    auto sender = client();
    ASSERT_TRUE(sender.send(half));
    sender.end_sending();
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_TRUE(sender.at_end());
  }
  auto nothing = client();
  nothing.end_sending();
  EXPECT_TRUE(nothing.at_end());
  EXPECT_TRUE(eventually([this] { return door_->counts().connections == 0; }));
}

TEST_F(FrontDoorFaultsTest, ServesOthersWhileOneReadsSlowly) {
  open();
  auto slow = client();
  ASSERT_TRUE(slow.send(post("/large", "20000000")));
  // It has its answer in pieces, whenever it reads.
  EXPECT_FALSE(slow.read_head().empty());
  expect_service();
  ASSERT_TRUE(slow.send(post("/echo", "pipelined behind")));
  expect_service();
  EXPECT_EQ(slow.skip(20'000'000), 20'000'000u);
  EXPECT_EQ(slow.read_answer()->body, "pipelined behind");
}

TEST_F(FrontDoorFaultsTest, EndsTheSlowestReaderWhenTooMuchIsUnsent) {
  options_.max_unsent = 30'000'000;
  open();
  auto slowest = client();
  ASSERT_TRUE(slowest.send(post("/large", "20000000")));
  EXPECT_FALSE(slowest.read_head().empty());
  auto slow = client();
  ASSERT_TRUE(slow.send(post("/large", "20000000")));
  EXPECT_FALSE(slow.read_head().empty());
  EXPECT_LT(slowest.skip(20'000'000), 20'000'000u);
  EXPECT_EQ(slow.skip(20'000'000), 20'000'000u);
  // One alone may have an answer of any size.
  ASSERT_TRUE(slow.send(post("/large", "50000000")));
  EXPECT_FALSE(slow.read_head().empty());
  expect_service();
  EXPECT_EQ(slow.skip(50'000'000), 50'000'000u);
}

TEST_F(FrontDoorFaultsTest, EndsAReaderThatTakesNothing) {
  options_.reader_timeout = std::chrono::milliseconds(100);
  open();
  auto deaf = client();
  ASSERT_TRUE(deaf.send(post("/large", "50000000")));
  EXPECT_TRUE(eventually([this] {
    const auto counts = door_->counts();
    return counts.requests == 1 && counts.connections == 0;
  }));
}

TEST_F(FrontDoorFaultsTest, BoundsAClientThatNeverReads) {
  open();
  auto deaf = client();
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += post("/large", "100000");
  std::size_t sent = 0;
  // Either it is cut, or it cannot send more because nobody reads: both end.
  for (int i = 0; i < 2'000; ++i)
    sent += deaf.send_some(many);
  EXPECT_LT(sent, 40'000'000u);
  expect_service();
  EXPECT_LT(door_->counts().requests, 1'000u);
}

TEST_F(FrontDoorFaultsTest, TimesOutHalfARequest) {
  options_.header_timeout = std::chrono::milliseconds(40);
  options_.body_timeout = std::chrono::milliseconds(40);
  open();
  for (const auto* half : {"GET / HT", "POST /echo HTTP/1.1\r\nHost: h\r\n"
                                       "Content-Length: 9\r\n\r\nhalf"}) {
    auto sender = client();
    ASSERT_TRUE(sender.send(half));
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 408);
    EXPECT_TRUE(sender.at_end());
  }
}

TEST_F(FrontDoorFaultsTest, TellsOfWhatItRefusesOnceItsHeadIsKnown) {
  std::mutex mutex;
  std::vector<std::pair<http_request, error>> told;
  options_.max_body = 1'000;
  options_.body_timeout = std::chrono::milliseconds(40);
  options_.refused = [&](const http_request& request, const error& why) {
    const std::lock_guard guard(mutex);
    told.emplace_back(request, why);
  };
  open();
  const std::string head = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n";
  const std::pair<std::string, int> refused[] = {
    {head + "Content-Length: 1001\r\n\r\n", 413},
    {head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", 413},
    {head + "Content-Length: 9\r\n\r\nhalf", 408},
    {head + "Content-Le", 400},
    {"hello\r\n", 400},
  };
  for (const auto& [bytes, status] : refused) {
    auto sender = client();
    ASSERT_TRUE(sender.send(bytes));
    if (status == 400)
      sender.end_sending();
    const auto answer = sender.read_answer();
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->status, status) << bytes;
  }
  const std::lock_guard guard(mutex);
  ASSERT_EQ(told.size(), 3u) << "of the others nothing is known";
  for (std::size_t at = 0; at < told.size(); ++at) {
    const auto& [request, why] = told[at];
    EXPECT_EQ(http_status(why.kind), refused[at].second);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/a");
    EXPECT_EQ(request.query, "b=c");
    EXPECT_EQ(*find_header(request.headers, "X-A"), "1");
    EXPECT_EQ(request.body, "");
    EXPECT_NE(request.arrived, std::chrono::steady_clock::time_point{});
  }
}

TEST_F(FrontDoorFaultsTest, ClosesAnIdleConnectionWithoutAWord) {
  options_.idle_timeout = std::chrono::milliseconds(40);
  options_.header_timeout = std::chrono::milliseconds(40);
  open();
  auto silent = client();
  EXPECT_TRUE(silent.at_end());
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/echo", "x")));
  ASSERT_TRUE(sender.read_answer());
  EXPECT_TRUE(sender.at_end());
}

TEST_F(FrontDoorFaultsTest, RunsNoTimeoutWhileARequestIsHeld) {
  options_.idle_timeout = std::chrono::milliseconds(20);
  options_.header_timeout = std::chrono::milliseconds(20);
  options_.body_timeout = std::chrono::milliseconds(20);
  open();
  auto sender = client();
  ASSERT_TRUE(sender.send(post("/hold", "x")));
  auto held = take_held();
  // Others time out meanwhile, which shows that the time has passed.
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(client().at_end());
  EXPECT_TRUE(held.answer->answer({200, {}, "patience"}));
  EXPECT_EQ(sender.read_answer()->body, "patience");
}

TEST_F(FrontDoorFaultsTest, EndsWithRequestsHeld) {
  open();
  std::atomic<int> told = 0;
  auto sender = client();
  auto other = client();
  ASSERT_TRUE(sender.send(post("/hold", "1")));
  auto one = take_held();
  ASSERT_TRUE(other.send(post("/hold", "2")));
  auto two = take_held();
  for (auto* each : {&one, &two}) {
    each->answer->on_outcome([&](const reply_outcome& what) {
      EXPECT_FALSE(what.written);
      ++told;
    });
    each->answer->answer_by(
      std::chrono::steady_clock::now() + std::chrono::hours(1), {202, {}, ""});
  }
  door_.reset();
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(sender.at_end());
  EXPECT_FALSE(one.answer->answer({200, {}, ""}));
  two.answer.reset();
  EXPECT_EQ(told, 2);
}

// What broke in Pistache: answers were queued by descriptor number, so when a
// sender hung up at the wrong moment its answer went to whoever connected next.
// Method: many short connections, half of which hang up while their request is
// held, and answers from other threads in between. Every answer carries the
// token of its request.
class FrontDoorChurnTest : public FrontDoorFixture {
protected:
  static constexpr int senders = 8;
  static constexpr int each = 250;

  void answer_all() {
    for (;;) {
      std::deque<held_request> taken;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !held_.empty() || done_; });
        if (held_.empty())
          return;
        taken.swap(held_);
      }
      // Time for senders to hang up and for others to take their descriptors.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      for (auto& one : taken)
        one.answer->answer({200, {}, one.request.body});
    }
  }

  void send_some(int sender) {
    for (int i = 0; i < each; ++i) {
      const auto token = std::to_string(sender) + "/" + std::to_string(i);
      raw_client one(door_->port());
      one.send(post("/hold", token));
      if (i % 2 == 0) {
        one.close(i % 4 == 0);
        continue;
      }
      const auto answer = one.read_answer();
      ++(answer && answer->body == token ? right_ : wrong_);
    }
  }

  std::atomic<bool> done_ = false;
  std::atomic<int> right_ = 0;
  std::atomic<int> wrong_ = 0;
};

TEST_F(FrontDoorChurnTest, GivesNobodyTheAnswerOfAnother) {
  open();
  std::vector<std::thread> answering;
  for (int i = 0; i < 2; ++i)
    answering.emplace_back([this] { answer_all(); });
  std::vector<std::thread> sending;
  for (int i = 0; i < senders; ++i)
    sending.emplace_back([this, i] { send_some(i); });
  for (auto& thread : sending)
    thread.join();
  {
    const std::lock_guard guard(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  for (auto& thread : answering)
    thread.join();
  EXPECT_EQ(right_, senders * each / 2);
  EXPECT_EQ(wrong_, 0);
  EXPECT_TRUE(eventually([this] {
    const auto counts = door_->counts();
    return counts.connections == 0 && counts.held == 0;
  }));
}

} // namespace
} // namespace handoff::test
