// Goal: what a clone's upstream answers over TLS as HTTP/1.1 is read as it is
// meant (RFC 9112), within its bounds, and nothing that is cut off is taken for
// an answer. Method: servers that answer byte by byte as a table says.

#include "support/outbound_tls_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <sys/socket.h>
#include <vector>
#include <zlib.h>

namespace handoff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class OutboundHttp1TlsTest : public test::outbound_tls_fixture {
protected:
  static std::string read_request(SSL* ssl, std::size_t body_bytes = 0) {
    std::string got;
    char piece[16'384];
    auto end = std::string::npos;
    while ((end = got.find("\r\n\r\n")) == std::string::npos
           || got.size() < end + 4 + body_bytes) {
      const int count = SSL_read(ssl, piece, sizeof piece);
      if (count <= 0)
        return got;
      got.append(piece, static_cast<std::size_t>(count));
    }
    return got;
  }

  /// Each clone is answered with the next of `answers`, in records of `piece`
  /// bytes; then close_notify.
  void serve_answers(std::vector<std::string> answers,
                     std::size_t piece = 16'384) {
    serve({.identity = test::issue(authority_, upstream),
           .converse = [answers, piece](SSL* ssl, int connection) {
             read_request(ssl);
             const auto& text = answers.at(connection - 1U);
             for (std::size_t at = 0; at < text.size(); at += piece)
               SSL_write(ssl, text.data() + at,
                         static_cast<int>(std::min(piece, text.size() - at)));
             SSL_shutdown(ssl);
           }});
  }

  /// As zlib makes it; `window_bits` says with which frame.
  static std::string deflated(const std::string& text, int window_bits) {
    z_stream stream{};
    ::deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
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

  static std::string encoded(const std::string& coding,
                             const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Encoding: " + coding
         + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"
         + body;
  }
};

TEST_F(OutboundHttp1TlsTest, SendsWhatTheCallSays) {
  std::promise<std::string> got;
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           got.set_value(read_request(ssl, 300'000));
           const std::string text = "HTTP/1.1 201 Made\r\nX-Kind: a\r\n"
                                    "Content-Length: 4\r\n\r\nmade";
           SSL_write(ssl, text.data(), static_cast<int>(text.size()));
         }});
  auto call = to_upstream(call_class::clone, "/a%20b/c?d=e");
  call.headers = {{"Content-Type", "application/json"},
                  {"Idempotency-Key", "job.clone"},
                  {"X-Empty", ""},
                  {"Connection", "close"}};
  call.body = std::string(300'000, 'x');
  const auto done = make(call);
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(done.body, "made");
  EXPECT_THAT(done.headers, testing::Contains(header{"X-Kind", "a"}));
  EXPECT_TRUE(done.sent);
  const auto text = got.get_future().get();
  const auto head = text.substr(0, text.find("\r\n\r\n") + 2);
  EXPECT_EQ(text.substr(head.size() + 2), call.body);
  EXPECT_THAT(head, testing::StartsWith("POST /a%20b/c?d=e HTTP/1.1\r\n"
                                        "Host: api.test:"
                                        + std::to_string(port_) + "\r\n"));
  for (const std::string line :
       {"User-Agent: handoff", "Content-Type: application/json",
        "Idempotency-Key: job.clone", "X-Empty:", "Content-Length: 300000"})
    EXPECT_THAT(head, HasSubstr("\r\n" + line + "\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Connection")));
}

TEST_F(OutboundHttp1TlsTest, ReadsEachWayInWhichAnAnswerEnds) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
    {"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello"},
    {"HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
    {"HTTP/1.1 200 OK\r\n\r\n", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"
     "3;ext=1\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n",
     "hello"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nTransfer-Encoding: chunked\r\n"
     "\r\n5\r\nhello\r\n0\r\n\r\n",
     "hello"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Late: 1\r\n"
     "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
     "hello"},
    {"HTTP/1.1 204 No Content\r\n\r\n", ""},
    {encoded("gzip", ""), ""},
  };
  std::vector<std::string> answers;
  for (const auto& [text, body] : rows)
    answers.push_back(text);
  for (const std::size_t piece : {std::size_t{16'384}, std::size_t{1}}) {
    client_.reset();
    serve_answers(answers, piece);
    for (const auto& [text, body] : rows) {
      const auto done = make_clone();
      EXPECT_FALSE(done.failure.has_value()) << text;
      EXPECT_EQ(done.status / 100, 2) << text;
      EXPECT_EQ(done.body, body) << text;
      EXPECT_EQ(find_header(done.headers, "X-Late"), nullptr) << text;
    }
  }
}

TEST_F(OutboundHttp1TlsTest, ReadsNoBodyBehindAHead) {
  serve_answers({"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n"
                 "Content-Encoding: gzip\r\n\r\n"});
  auto call = to_upstream(call_class::clone);
  call.method = "HEAD";
  EXPECT_EQ(make(call).status, 200);
}

TEST_F(OutboundHttp1TlsTest, TakesNothingForAnAnswerThatIsNone) {
  const std::vector<std::string> answers{
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2 200\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n"
    "\r\n",
    encoded("gzip", "no gzip"),
    encoded("deflate", "no deflate"),
    encoded("br", "what is that"),
  };
  serve_answers(answers);
  for (const auto& text : answers) {
    SCOPED_TRACE(text);
    expect_failed(make_clone(), error_kind::answer_malformed, true);
  }
}

TEST_F(OutboundHttp1TlsTest, LosesWhatIsCutOffInGoodOrder) {
  const std::vector<std::string> answers{
    "",
    "HTTP/1.1 200 OK\r\nContent-Le",
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
  };
  serve_answers(answers);
  for (const auto& text : answers) {
    SCOPED_TRACE(text);
    expect_failed(make_clone(), error_kind::connection_lost, true);
  }
}

// It ends with the connection: only close_notify tells that from a cut.
TEST_F(OutboundHttp1TlsTest, LosesAnAnswerWithoutALengthThatIsCut) {
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           read_request(ssl);
           SSL_write(ssl, "HTTP/1.1 200 OK\r\n\r\n{\"id\":1", 26);
         }});
  expect_failed(make_clone(), error_kind::connection_lost, true);
}

TEST_F(OutboundHttp1TlsTest, BoundsAndDecodesAnswers) {
  options_.max_answer = 10'000;
  options_.max_answer_headers = 1'000;
  const std::string fits(10'000, 'a');
  const auto with_length = [](const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size())
         + "\r\n\r\n" + body;
  };
  const std::vector<std::string> good{
    with_length(fits),
    encoded("gzip", deflated(fits, 16 + MAX_WBITS)),
    encoded("deflate", deflated(fits, MAX_WBITS)),
    encoded("deflate", deflated(fits, -MAX_WBITS)),
  };
  const std::vector<std::string> too_large{
    with_length(fits + "a"),
    "HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n" + fits + "a",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n" + fits
      + "a\r\n0\r\n\r\n",
    encoded("gzip", deflated(fits + "a", 16 + MAX_WBITS)),
    encoded("deflate", deflated(fits + "a", MAX_WBITS)),
    encoded("deflate", deflated(fits + "a", -MAX_WBITS)),
    "HTTP/1.1 200 OK\r\nX: " + std::string(1'000, 'a') + "\r\n\r\n",
    "HTTP/1.1 200 " + std::string(1'001, 'a') + "\r\n\r\n",
    "HTTP/1.1 200 OK\r\n" + std::string(1'001, 'a'),
  };
  auto answers = good;
  answers.insert(answers.end(), too_large.begin(), too_large.end());
  serve_answers(answers);
  for (std::size_t i = 0; i < good.size(); ++i)
    EXPECT_EQ(make_clone().body, fits) << i;
  for (std::size_t i = 0; i < too_large.size(); ++i) {
    SCOPED_TRACE(i);
    expect_failed(make_clone(), error_kind::answer_too_large, true);
  }
}

TEST_F(OutboundHttp1TlsTest, GivesEachCloneAConnectionOfItsOwn) {
  serve_ok();
  options_.governor.max_calls = 100;
  std::vector<std::future<exchange>> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(start(to_upstream(call_class::clone)));
  for (auto& each : all)
    EXPECT_EQ(each.get().status, 200);
  EXPECT_EQ(tls_->connections(), 50);
}

TEST_F(OutboundHttp1TlsTest, EndsUnsentWhereNoHandshakeComes) {
  options_.connect_timeout = std::chrono::milliseconds{200};
  server_.emplace([](const auto&, auto& to) { to.hang(); });
  port_ = server_->port();
  for (const bool http2 : {true, false}) {
    options_.http2 = http2;
    restart_client();
    expect_failed(make_clone(), error_kind::connect_failed, false);
  }
}

TEST_F(OutboundHttp1TlsTest, EndsACallWhoseTimeIsOver) {
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           read_request(ssl);
           char any = 0;
           while (::recv(SSL_get_fd(ssl), &any, 1, 0) > 0) {
           }
         }});
  auto late = to_upstream(call_class::clone);
  late.timeout = std::chrono::milliseconds{200};
  expect_failed(make(late), error_kind::attempt_timed_out, true);
}

TEST_F(OutboundHttp1TlsTest, EndsWhatIsUnderWayAtShutDown) {
  std::promise<void> came;
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           read_request(ssl);
           came.set_value();
           char any = 0;
           while (::recv(SSL_get_fd(ssl), &any, 1, 0) > 0) {
           }
         }});
  auto clone = start(to_upstream(call_class::clone));
  came.get_future().wait();
  client_.reset();
  expect_failed(clone.get(), error_kind::shut_down, true);
}

// A node whose lease is in doubt sends nothing, though it has connected.
TEST_F(OutboundHttp1TlsTest, SendsNothingThatMayNotBeginAnyMore) {
  std::atomic<bool> may_call{true};
  options_.may_call = [&] {
    return may_call.load();
  };
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           EXPECT_EQ(read_request(ssl), "");
         }});
  restart_client();
  auto call = to_upstream(call_class::clone);
  std::promise<exchange> told;
  may_call = false;
  client_->start(shared(call),
                 [&](exchange done) { told.set_value(std::move(done)); });
  const auto done = told.get_future().get();
  expect_failed(done, error_kind::overloaded, false);
  EXPECT_THAT(done.failure->detail, HasSubstr("lease"));
}

} // namespace
} // namespace handoff
