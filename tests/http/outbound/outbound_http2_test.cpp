// Goal: many calls share an HTTP/2 connection, what the upstream says it has
// not processed is made again, and nothing else is: no clone is sent twice.
// Method: a server that refuses, resets, goes away, closes and falls silent.

#include "support/outbound_tls_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zlib.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using action = test::http2_server::action;
using testing::HasSubstr;

constexpr std::uint32_t internal_error = 2;
constexpr std::uint32_t refused_stream = 7;
constexpr std::uint32_t http_1_1_required = 13;

class OutboundHttp2Test : public test::outbound_tls_fixture {
protected:
  std::future<exchange> start_clone(const std::string& path = "/") {
    return start(to_upstream(call_class::clone, path));
  }

  static std::string gzip(const std::string& text) {
    z_stream stream{};
    ::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
                   Z_DEFAULT_STRATEGY);
    std::string made(1'000 + text.size(), '\0');
    stream.next_in =
      const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(made.data());
    stream.avail_out = static_cast<uInt>(made.size());
    ::deflate(&stream, Z_FINISH);
    made.resize(stream.total_out);
    ::deflateEnd(&stream);
    return made;
  }
};

TEST_F(OutboundHttp2Test, SendsWhatTheCallSays) {
  std::string head;
  std::string body;
  serve_http2([&](const auto& request) {
    head = request.head;
    body = request.body;
    return action{.status = 201, .body = "made"};
  });
  auto call = to_upstream(call_class::clone, "/a%20b/c?d=e");
  call.headers = {{"Content-Type", "application/json"},
                  {"Idempotency-Key", "job.clone"},
                  {"Connection", "close"},
                  {"Host", "other.test"}};
  call.body = std::string(300'000, 'x');
  const auto done = make(call);
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(done.body, "made");
  EXPECT_TRUE(done.sent);
  EXPECT_EQ(body, call.body);
  for (const std::string line :
       {":method: POST", ":scheme: https", ":authority: other.test",
        ":path: /a%20b/c?d=e", "content-type: application/json",
        "idempotency-key: job.clone", "content-length: 300000",
        "user-agent: handoff"})
    EXPECT_THAT(head, HasSubstr(line + "\n"));
  EXPECT_THAT(head, testing::Not(HasSubstr("connection")));
  EXPECT_THAT(head, testing::Not(HasSubstr("host:")));
}

TEST_F(OutboundHttp2Test, MakesClonesOnOneConnection) {
  serve_http2([](const auto&) { return action{.delay = 100ms}; });
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 30; ++i)
    all.push_back(start_clone());
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  EXPECT_EQ(http2_->connections(), 1);
  EXPECT_EQ(http2_->requests(), 30);
}

// What is in doubt when a connection is lost is bounded.
TEST_F(OutboundHttp2Test, HasAtMostSixtyFourCallsOnAConnection) {
  options_.governor.max_calls = 1'000;
  std::mutex mutex;
  std::map<int, int> of_connection;
  serve_http2([&](const auto& request) {
    const auto guard = std::lock_guard{mutex};
    ++of_connection[request.connection];
    return action{.delay = 300ms};
  });
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 150; ++i)
    all.push_back(start_clone());
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  EXPECT_EQ(of_connection.size(), 3u);
  for (const auto& [connection, count] : of_connection)
    EXPECT_LE(count, 64) << connection;
}

TEST_F(OutboundHttp2Test, KeepsToTheStreamsThatTheUpstreamAllows) {
  serve_http2([](const auto&) { return action{.delay = 50ms}; }, 5);
  EXPECT_EQ(make_clone().status, 200);
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(start_clone());
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
}

TEST_F(OutboundHttp2Test, MakesAgainTheClonesThatAGoAwayLeavesOut) {
  std::mutex mutex;
  std::map<std::string, int> processed;
  serve_http2([&](const auto& request) {
    if (request.on_connection == 4)
      return action{.what = action::kind::go_away};
    const auto guard = std::lock_guard{mutex};
    ++processed[request.path];
    return action{.delay = 30ms};
  });
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(start_clone("/" + std::to_string(i)));
    if (i % 3 == 0) {
      EXPECT_EQ(all.back().get().status, 200);
    }
  }
  for (auto& each : all)
    if (each.valid()) {
      EXPECT_EQ(each.get().status, 200);
    }
  EXPECT_EQ(processed.size(), 30u);
  for (const auto& [path, times] : processed)
    EXPECT_EQ(times, 1) << path;
}

TEST_F(OutboundHttp2Test, MakesACloneAgainThatWasRefused) {
  serve_http2([](const auto& request) {
    return request.number == 1
           ? action{.what = action::kind::reset, .code = refused_stream}
           : action{};
  });
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(http2_->requests(), 2);
}

TEST_F(OutboundHttp2Test, EndsUnsentWhatIsRefusedAgainAndAgain) {
  serve_http2([](const auto&) {
    return action{.what = action::kind::reset, .code = refused_stream};
  });
  const auto done = make_clone();
  expect_failed(done, error_kind::connect_failed, false);
  EXPECT_THAT(done.failure->detail, HasSubstr("refused the request"));
  EXPECT_EQ(http2_->requests(), 5);
}

TEST_F(OutboundHttp2Test, LosesACloneWhoseStreamIsReset) {
  serve_http2([](const auto&) {
    return action{.what = action::kind::reset, .code = internal_error};
  });
  const auto done = make_clone();
  expect_failed(done, error_kind::connection_lost, true);
  EXPECT_THAT(done.failure->detail, HasSubstr("INTERNAL_ERROR"));
  EXPECT_EQ(http2_->requests(), 1);
}

TEST_F(OutboundHttp2Test, LosesTheClonesOfAConnectionOnce) {
  serve_http2([](const auto& request) {
    return request.number == 10 ? action{.what = action::kind::close}
         : request.number < 10  ? action{.what = action::kind::hang}
                                : action{};
  });
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(start_clone());
  for (auto& each : all)
    expect_failed(each.get(), error_kind::connection_lost, true);
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(http2_->requests(), 11);
  EXPECT_EQ(http2_->connections(), 2);
}

TEST_F(OutboundHttp2Test, GoesOnInHttp1WhereThatIsAskedFor) {
  serve_http2([](const auto&) {
    return action{.what = action::kind::reset, .code = http_1_1_required};
  });
  EXPECT_EQ(make_clone().body, "1.1");
  EXPECT_EQ(http2_->requests(), 2);
}

TEST_F(OutboundHttp2Test, AsksAHostWithoutItOnce) {
  serve_ok();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(tls_->connections(), 5) << "that to ask is the first one's";
  EXPECT_EQ(tls_->requests(), 5);
}

TEST_F(OutboundHttp2Test, DecodesAndBoundsAnswers) {
  options_.max_answer = 10'000;
  serve_http2([](const auto& request) {
    if (request.path == "/zipped")
      return action{.body = gzip("hello"), .content_encoding = "gzip"};
    if (request.path == "/deflated") // RFC 1950; "hello" by zlib
      return action{
        .body = {"\x78\xda\xcb\x48\xcd\xc9\xc9\x07\x00\x06\x2c\x02\x15", 13},
        .content_encoding = "deflate"};
    if (request.path == "/bomb")
      return action{.body = gzip(std::string(10'001, 'a')),
                    .content_encoding = "gzip"};
    if (request.path == "/broken")
      return action{.body = "no gzip", .content_encoding = "gzip"};
    return action{
      .body = std::string(request.path == "/fits" ? 10'000 : 10'001, 'a')};
  });
  EXPECT_EQ(start_clone("/zipped").get().body, "hello");
  EXPECT_EQ(start_clone("/deflated").get().body, "hello");
  EXPECT_EQ(start_clone("/fits").get().body.size(), 10'000u);
  for (const auto* path : {"/bomb", "/long"})
    expect_failed(start_clone(path).get(), error_kind::answer_too_large, true);
  expect_failed(start_clone("/broken").get(), error_kind::answer_malformed,
                true);
  EXPECT_EQ(http2_->connections(), 1);
}

TEST_F(OutboundHttp2Test, EndsACallWhoseTimeIsOverAndNoOther) {
  serve_http2([](const auto& request) {
    return request.path == "/late" ? action{.what = action::kind::hang}
                                   : action{.delay = 150ms};
  });
  EXPECT_EQ(make_clone().status, 200);
  auto other = start_clone();
  auto late = to_upstream(call_class::clone, "/late");
  late.timeout = 100ms;
  expect_failed(make(late), error_kind::attempt_timed_out, true);
  EXPECT_EQ(other.get().status, 200);
}

TEST_F(OutboundHttp2Test, UsesASilentConnectionThatAnswers) {
  serve_http2();
  EXPECT_EQ(make_clone().status, 200);
  std::this_thread::sleep_for(1'100ms);
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(http2_->connections(), 1);
}

// A balancer forgets the connection, and nobody says so.
TEST_F(OutboundHttp2Test, AsksASilentConnectionBeforeItTrustsIt) {
  serve_http2([](const auto& request) {
    return request.connection == 1 && request.on_connection == 2
           ? action{.what = action::kind::freeze}
           : action{};
  });
  EXPECT_EQ(make_clone().status, 200);
  auto lost = to_upstream(call_class::clone);
  lost.timeout = 4s;
  auto in_doubt = start(lost);
  std::this_thread::sleep_for(1'100ms);
  EXPECT_EQ(make_clone().status, 200) << "on another connection";
  expect_failed(in_doubt.get(), error_kind::attempt_timed_out, true);
  EXPECT_EQ(http2_->connections(), 2);
  EXPECT_EQ(http2_->requests(), 3);
}

// Goal: a node that is stopped, while requests wait for a socket, until others
// have taken its jobs over sends none of them when it wakes. Method: a server
// that reads nothing, while more is to be sent than sockets take.
TEST_F(OutboundHttp2Test, SendsNothingThatWaitedForTheSocketOnceItMayNot) {
  std::atomic<bool> may_call{true};
  options_.may_call = [&] {
    return may_call.load();
  };
  std::promise<void> is_blocked;
  std::promise<void> goes_on;
  serve_http2(
    [&](const auto& request) {
      if (request.number == 2) {
        is_blocked.set_value();
        goes_on.get_future().wait();
      }
      return action{};
    },
    100, 64u << 20);
  EXPECT_EQ(make_clone().status, 200);
  std::vector<std::future<exchange>> all;
  all.push_back(start_clone());
  is_blocked.get_future().wait();
  // More than the sockets of both sides take.
  auto large = to_upstream(call_class::clone);
  large.body = std::string(std::size_t{32} << 20, 'x');
  all.push_back(start(large));
  std::this_thread::sleep_for(300ms);
  for (int n = 0; n < 10; ++n)
    all.push_back(start_clone());
  std::this_thread::sleep_for(100ms);
  may_call = false;
  goes_on.set_value();
  std::this_thread::sleep_for(300ms);
  const auto before = http2_->requests();
  may_call = true;
  int answered = 0;
  int held_back = 0;
  for (auto& each : all) {
    const auto done = each.get();
    answered += done.status == 200 ? 1 : 0;
    if (done.failure) {
      expect_failed(done, error_kind::overloaded, false);
      ++held_back;
    }
  }
  EXPECT_GE(held_back, 5);
  EXPECT_EQ(answered + held_back, 12);
  EXPECT_EQ(http2_->requests(), answered + 1);
  // The large one has gone on when it might, where it was not through by then.
  EXPECT_LE(http2_->requests(), before + 1);
}

TEST_F(OutboundHttp2Test, EndsWhatIsUnderWayAtShutDown) {
  std::promise<void> came;
  serve_http2([&](const auto&) {
    came.set_value();
    return action{.what = action::kind::hang};
  });
  auto clone = start_clone();
  came.get_future().wait();
  client_.reset();
  expect_failed(clone.get(), error_kind::shut_down, true);
}

TEST_F(OutboundHttp2Test, MakesSubActionsOnOneHttp2Connection) {
  serve_http2([](const auto&) { return action{.delay = 20ms}; });
  EXPECT_EQ(make_sub_action().status, 200);
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(start(to_upstream(call_class::sub_action)));
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  EXPECT_EQ(http2_->connections(), 1);
  EXPECT_EQ(http2_->requests(), 21);
}

TEST_F(OutboundHttp2Test, RepeatsASubActionWhoseStreamIsRefused) {
  serve_http2([](const auto& request) {
    return request.number == 2
           ? action{.what = action::kind::reset, .code = 7 /* REFUSED_STREAM */}
           : action{};
  });
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(http2_->requests(), 3);
}

TEST_F(OutboundHttp2Test, SaysThatAStreamWasReset) {
  serve_http2([](const auto&) {
    return action{.what = action::kind::reset, .code = 2 /* INTERNAL_ERROR */};
  });
  expect_failed(make_sub_action(), error_kind::connection_lost, true);
  EXPECT_EQ(http2_->requests(), 1);
}

// A balancer forgets the connection and says nothing.
TEST_F(OutboundHttp2Test, UsesNoHttp2ConnectionThatWasSilentOnce) {
  serve_http2([](const auto& request) {
    return action{.what = request.connection == 1 && request.on_connection == 2
                          ? action::kind::freeze
                          : action::kind::answer};
  });
  EXPECT_EQ(make_sub_action().status, 200);
  auto lost = to_upstream(call_class::sub_action);
  lost.timeout = 300ms;
  expect_failed(make(std::move(lost)), error_kind::attempt_timed_out, true);
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(http2_->connections(), 2);
}

TEST_F(OutboundHttp2Test, RepeatsSubActionsThatAGoAwayLeavesOut) {
  serve_http2([](const auto& request) {
    return action{.what = request.on_connection == 4 ? action::kind::go_away
                                                     : action::kind::answer};
  });
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_GE(http2_->connections(), 3);
}

} // namespace
} // namespace handoff
