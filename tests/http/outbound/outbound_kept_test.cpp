// Goal: a connection carries another call only where the answer before has
// ended for both sides (RFC 9112, sections 6.3 and 9.3), and one that the
// upstream has closed meanwhile fails no call. Method: servers that answer byte
// by byte as a table says.

#include "support/outbound_fixture.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace handoff {
namespace {

using testing::HasSubstr;

class OutboundKeptTest : public test::outbound_fixture {
protected:
  using request = test::scripted_server::request;
  using peer = test::scripted_server::peer;

  /// Two calls, one after the other, both answered with `bytes`.
  int connections_of_two(const std::string& bytes, bool closes) {
    // The server may still be sending when the client has it all.
    serve([bytes, closes](const request&, peer& to) {
      to.send(bytes);
      if (closes)
        to.close();
    });
    restart_client();
    for (int i = 0; i < 2; ++i) {
      const auto done = make(call_here("/"));
      EXPECT_EQ(done.status / 100, 2) << bytes;
      EXPECT_TRUE(done.body.empty() || done.body == "done") << done.body;
    }
    return server_->connections();
  }
};

TEST_F(OutboundKeptTest, UsesAgainWhatAWholeAnswerLeft) {
  for (const std::string bytes : {
         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone",
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         "HTTP/1.1 204 No Content\r\n\r\n",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\ndone\r\n0\r\n\r\n",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\ndone\r\n0\r\nX-Sum: 1\r\n\r\n",
         "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone",
         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: "
         "4\r\n\r\n"
         "done",
       })
    EXPECT_EQ(connections_of_two(bytes, false), 1) << bytes;
}

TEST_F(OutboundKeptTest, UsesNothingAgainWhoseEndIsInDoubt) {
  for (
    const std::string bytes : {
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndone",
      "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\ndone",
      "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndoneHTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n"
      "\r\n4\r\ndone\r\n0\r\n\r\n",
    })
    EXPECT_EQ(connections_of_two(bytes, false), 2) << bytes;
  EXPECT_EQ(connections_of_two("HTTP/1.1 200 OK\r\n\r\ndone", true), 2);
}

// Whatever the fields of an answer without content say (RFC 9112, section 6.3).
TEST_F(OutboundKeptTest, WaitsForNoBodyWhereThereCanBeNone) {
  for (const std::string bytes : {
         "HTTP/1.1 204 No Content\r\nContent-Length: 11\r\n\r\n",
         "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone",
       })
    EXPECT_EQ(connections_of_two(bytes, false), 1) << bytes;
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 2000000\r\n\r\n");
  });
  restart_client();
  EXPECT_EQ(make(call_here("/")).status, 304);
}

TEST_F(OutboundKeptTest, TakesForMalformedWhatIsNoAnswer) {
  for (const auto& [bytes, why] : {
         std::pair{"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", "99"},
         std::pair{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
                   "1\r\nx\r\n0\r\n\r\n",
                   "chunked alone"},
         std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                   "Content-Length: 2\r\n\r\n",
                   "content-length"},
         std::pair{"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n"
                   "Content-Length: 1\r\n\r\nx",
                   "Content-Encoding"},
       }) {
    serve([bytes = std::string{bytes}](const request&, peer& to) {
      to.send(bytes);
    });
    restart_client();
    const auto done = make(call_here("/"));
    expect_failed(done, error_kind::answer_malformed, true);
    EXPECT_THAT(done.failure->detail, HasSubstr(why));
  }
}

// Goal: bytes that are neither fields nor a body end as an answer that is too
// large, and hold up no call to another upstream meanwhile.
TEST_F(OutboundKeptTest, EndsAFloodOfWhatNoBoundCounts) {
  for (const std::string flood :
       {"\r\n\r\n", "HTTP/1.1 102 \r\n\r\n", "00000000", ";ext=1;ext=2"}) {
    const bool is_in_chunk = flood[0] == '0' || flood[0] == ';';
    serve([flood, is_in_chunk](const request&, peer& to) {
      if (is_in_chunk)
        to.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1");
      std::string piece;
      while (piece.size() < 65'536)
        piece += flood;
      while (to.send(piece)) {
      }
    });
    restart_client();
    test::scripted_server other{[](const request&, peer& to) {
      to.answer("other");
    }};
    auto flooded = start(call_here("/"));
    EXPECT_EQ(make(call_to(other.url("/"))).body, "other");
    const auto done = flooded.get();
    ASSERT_TRUE(done.failure) << flood;
    EXPECT_TRUE(done.failure->kind == error_kind::answer_too_large
                || done.failure->kind == error_kind::answer_malformed)
      << flood << name(done.failure->kind);
  }
}

TEST_F(OutboundKeptTest, KeepsAConnectionForLessThanTheUpstreamSays) {
  EXPECT_EQ(connections_of_two("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\n"
                               "Content-Length: 4\r\n\r\ndone",
                               false),
            2);
  EXPECT_EQ(connections_of_two("HTTP/1.1 200 OK\r\nKeep-Alive: max=100, "
                               "timeout=5\r\nContent-Length: 4\r\n\r\ndone",
                               false),
            1);
}

TEST_F(OutboundKeptTest, FailsNoCallForWhatWasClosedMeanwhile) {
  const auto closed = std::make_shared<std::promise<void>>();
  serve([closed](const request& got, peer& to) {
    to.answer("done");
    if (got.connection == 1) {
      to.close();
      closed->set_value();
    }
  });
  EXPECT_EQ(make(call_here("/")).status, 200);
  closed->get_future().wait();
  const auto done = make(call_here("/", "POST"));
  EXPECT_FALSE(done.failure);
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(server_->requests().size(), 2U);
}

TEST_F(OutboundKeptTest, KeepsApartWhatGoesToAnotherPort) {
  test::scripted_server other{[](const request&, peer& to) {
    to.answer("other");
  }};
  serve([](const request&, peer& to) { to.answer("this"); });
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(make(call_here("/")).body, "this");
    EXPECT_EQ(make(call_to(other.url("/"))).body, "other");
  }
  EXPECT_EQ(server_->connections(), 1);
  EXPECT_EQ(other.connections(), 1);
}

TEST_F(OutboundKeptTest, NamesTheUserOfTheUrlUnlessTheCallNamesOne) {
  serve([](const request& got, peer& to) { to.answer(got.head); });
  const auto url = "http://user%40here:pass%3Aword@127.0.0.1:"
                 + std::to_string(server_->port()) + "/";
  // The vector: base64 of "user@here:pass:word".
  EXPECT_THAT(make(call_to(url)).body,
              HasSubstr("Authorization: Basic dXNlckBoZXJlOnBhc3M6d29yZA=="));
  auto call = call_to(url);
  call.headers = {{"Authorization", "Bearer own"}};
  const auto head = make(std::move(call)).body;
  EXPECT_THAT(head, HasSubstr("Authorization: Bearer own"));
  EXPECT_THAT(head, testing::Not(HasSubstr("Basic")));
}

// A server that refuses a body says so before it has read it.
TEST_F(OutboundKeptTest, ReadsAnAnswerThatComesBeforeTheBodyIsSent) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* address = reinterpret_cast<sockaddr*>(&at);
  socklen_t size = sizeof at;
  ASSERT_EQ(::bind(listener, address, size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ::getsockname(listener, address, &size);
  std::promise<void> over;
  std::thread refusing{[&, end = over.get_future()] {
    const int fd = ::accept(listener, nullptr, nullptr);
    char byte = 0;
    ::recv(fd, &byte, 1, 0);
    const std::string_view bytes =
      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    end.wait();
    ::close(fd);
  }};
  auto call = call_to(
    "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/", "POST");
  call.body.assign(std::size_t{32} << 20U, 'x');
  EXPECT_EQ(make(std::move(call)).status, 413);
  over.set_value();
  refusing.join();
  ::close(listener);
}

} // namespace
} // namespace handoff
