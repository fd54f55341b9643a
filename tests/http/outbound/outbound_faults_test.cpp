// Goal: whatever an upstream does, a call ends once, as the right kind, and
// says that nothing was sent only if nothing was. Method: a server of raw
// sockets that is told what to do wrong.

#include "support/outbound_fixture.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace handoff {
namespace {

using testing::HasSubstr;

class OutboundFaultsTest : public test::outbound_fixture {
protected:
  using request = test::scripted_server::request;
  using peer = test::scripted_server::peer;

  /// A server that sends `bytes` as its answer, and closes.
  void serve_bytes(std::string bytes) {
    serve([bytes = std::move(bytes)](const request&, peer& to) {
      to.send(bytes);
      to.close();
    });
  }

  void serve_hanging() {
    serve([](const request&, peer& to) { to.hang(); });
  }
};

/// A port of this machine that nobody else takes: it refuses connections until
/// it is told to do worse.
class taken_port {
public:
  explicit taken_port(const char* host = "127.0.0.1", int port = 0)
      : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    EXPECT_EQ(::inet_pton(AF_INET, host, &address.sin_addr), 1);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    address_ = address;
  }

  ~taken_port() {
    for (auto fd : fillers_)
      ::close(fd);
    ::close(fd_);
  }

  taken_port(const taken_port&) = delete;
  taken_port& operator=(const taken_port&) = delete;

  /// From now on, a connection is neither accepted nor refused.
  void ignore_connections() {
    ::listen(fd_, 0);
    for (auto i = 0; i < 4; ++i) {
      fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      std::ignore =
        ::connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address_),
                  sizeof(address_));
    }
  }

  /// Says `greeting` to the next connection, and closes it.
  std::thread greet_one(std::string greeting) {
    ::listen(fd_, 1);
    return std::thread{[fd = fd_, greeting = std::move(greeting)] {
      auto other = ::accept(fd, nullptr, nullptr);
      ::send(other, greeting.data(), greeting.size(), MSG_NOSIGNAL);
      // Not before the other side has given up: a RST could overtake the
      // greeting.
      char ignored[1'024];
      while (::recv(other, ignored, sizeof(ignored), 0) > 0)
        ;
      ::close(other);
    }};
  }

  std::string url(const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
  }

private:
  int fd_;
  sockaddr_in address_{};
  std::vector<int> fillers_;
};

TEST_F(OutboundFaultsTest, RefusesWhatCannotBeSent) {
  serve([](const request&, peer& to) { to.answer(); });
  std::vector<outbound_call> calls;
  for (const auto* url :
       {"", "/path", "127.0.0.1", "ftp://127.0.0.1/", "file:///etc/passwd",
        "http://", "http://127.0.0.1:99999/", "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: 1", "gopher://127.0.0.1/"})
    calls.push_back(call_to(url));
  for (const auto* method : {"", "get", "CONNECT", "GET / HTTP/1.1\r\nX:"})
    calls.push_back(call_here("/", method));
  for (header field : {header{"X", "a\r\nY: b"}, header{"X", "a\nb"},
                       header{"X", std::string{"a\0b", 3}}, header{"X\r\n", ""},
                       header{"", "a"}, header{"X:", "a"}}) {
    calls.push_back(call_here("/"));
    calls.back().headers = {field};
  }
  for (auto& call : calls) {
    SCOPED_TRACE(call.method + " " + call.url);
    expect_failed(make(std::move(call)), error_kind::template_failed, false);
  }
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(OutboundFaultsTest, ReportsANameThatDoesNotResolve) {
  // A label of 64 letters is refused by the resolver without asking anyone.
  auto name = std::string(64, 'x') + ".example";
  expect_failed(make(call_to("http://" + name + "/")),
                error_kind::name_not_resolved, false);
}

TEST_F(OutboundFaultsTest, ReportsARefusedConnection) {
  taken_port port;
  expect_failed(make(call_to(port.url())), error_kind::connect_failed, false);
}

TEST_F(OutboundFaultsTest, ReportsAConnectionThatIsNotAcceptedInTime) {
  taken_port port;
  port.ignore_connections();
  options_.connect_timeout = soon;
  expect_failed(make(call_to(port.url())), error_kind::connect_failed, false);
}

TEST_F(OutboundFaultsTest, RefusesPrivateAddressesWhereTold) {
  serve([](const request&, peer& to) { to.answer(); });
  options_.private_networks_allowed = false;
  for (auto url : {server_->url("/"),
                   "http://localhost:" + std::to_string(server_->port()),
                   "http://[::1]:" + std::to_string(server_->port()),
                   "http://0x7f.1:" + std::to_string(server_->port())}) {
    SCOPED_TRACE(url);
    expect_failed(make(call_to(url)), error_kind::address_refused, false);
  }
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(OutboundFaultsTest, ReportsAFailedHandshake) {
  taken_port port;
  auto server = port.greet_one("220 no TLS here\r\n");
  expect_failed(make(call_to(port.url("https"))), error_kind::tls_failed,
                false);
  server.join();
}

// The certificate is made for the occasion; the server is that of openssl.
TEST_F(OutboundFaultsTest, RefusesACertificateThatNobodyVouchesFor) {
  char folder[] = "/tmp/handoff-tls-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  auto files = "-key " + std::string{folder} + "/key ";
  auto make_certificate =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
    "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout "
    + std::string{folder} + "/key -out " + folder + "/cert 2>/dev/null";
  if (std::system(make_certificate.c_str()) != 0)
    GTEST_SKIP() << "needs the openssl command";
  auto serve_tls = "openssl s_server -accept 127.0.0.1:0 -naccept 1 -www "
                 + files + "-cert " + folder + "/cert </dev/null 2>/dev/null";
  auto* output = popen(serve_tls.c_str(), "r");
  ASSERT_NE(output, nullptr);
  auto port = 0;
  char line[256];
  while (port == 0 && fgets(line, sizeof(line), output) != nullptr)
    std::ignore = std::sscanf(line, "ACCEPT 127.0.0.1:%d", &port);
  auto done = make(call_to("https://127.0.0.1:" + std::to_string(port)));
  expect_failed(done, error_kind::tls_failed, false);
  EXPECT_THAT(done.failure->detail, HasSubstr("certificate"));
  pclose(output);
  std::filesystem::remove_all(folder);
}

TEST_F(OutboundFaultsTest, ReportsAnAnswerThatDoesNotCome) {
  serve_hanging();
  auto call = call_here("/");
  call.timeout = soon;
  auto done = make(std::move(call));
  expect_failed(done, error_kind::attempt_timed_out, true);
  EXPECT_GE(done.duration, soon);
}

TEST_F(OutboundFaultsTest, ReportsAnAnswerThatDripsTooSlowly) {
  serve([](const request&, peer& to) {
    to.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (to.send("x"))
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  });
  auto call = call_here("/");
  call.timeout = soon;
  expect_failed(make(std::move(call)), error_kind::attempt_timed_out, true);
}

TEST_F(OutboundFaultsTest, ReportsAResetAfterTheRequest) {
  serve([](const request&, peer& to) { to.reset(); });
  expect_failed(make(call_here("/", "POST")), error_kind::connection_lost,
                true);
  EXPECT_EQ(server_->requests().size(), 1U);
}

TEST_F(OutboundFaultsTest, ReportsAnswersThatAreCutOff) {
  for (const auto* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 100 Continue\r\n\r\n"}) {
    SCOPED_TRACE(bytes);
    client_.reset();
    serve_bytes(bytes);
    expect_failed(make(call_here("/")), error_kind::connection_lost, true);
  }
}

TEST_F(OutboundFaultsTest, ReportsAnswersThatAreNoHttp) {
  for (const auto* bytes : {"hello\r\n\r\n", "SSH-2.0-x\r\n",
                            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                            "HTTP/1.1 2x0 OK\r\n\r\n"}) {
    SCOPED_TRACE(bytes);
    client_.reset();
    serve_bytes(bytes);
    expect_failed(make(call_here("/")), error_kind::answer_malformed, true);
  }
}

TEST_F(OutboundFaultsTest, RefusesAnAnswerThatAnnouncesTooMuch) {
  // Nothing of the body comes: only what is announced can be the reason.
  for (const auto* length : {"1048577", "99999999999999999"}) {
    client_.reset();
    serve([length](const request&, peer& to) {
      to.send(std::string{"HTTP/1.1 200 OK\r\nContent-Length: "} + length
              + "\r\n\r\n");
      to.hang();
    });
    expect_failed(make(call_here("/")), error_kind::answer_too_large, true);
  }
}

TEST_F(OutboundFaultsTest, RefusesAnAnswerThatGoesOnForTooLong) {
  for (const auto* head :
       {"HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n"}) {
    client_.reset();
    options_.max_answer = 1'000;
    serve([head](const request&, peer& to) {
      to.send(head + std::string(1'024, 'x'));
      to.hang();
    });
    expect_failed(make(call_here("/")), error_kind::answer_too_large, true);
  }
}

TEST_F(OutboundFaultsTest, RefusesHeadersThatAreTooMany) {
  for (auto lines : {1, 1'000}) {
    client_.reset();
    serve([lines](const request&, peer& to) {
      auto ok = to.send("HTTP/1.1 200 OK\r\n");
      for (auto i = 0; ok && i < lines; ++i)
        ok = to.send("X: " + std::string(120'000 / lines, 'x') + "\r\n");
      to.hang();
    });
    expect_failed(make(call_here("/")), error_kind::answer_too_large, true);
  }
}

// What broke: libcurl sends a request again by itself when the connection that
// it reused ends without an answer, though the upstream may have acted on it.
TEST_F(OutboundFaultsTest, SendsOnceOnAReusedConnectionThatIsLost) {
  for (auto reset : {true, false}) {
    client_.reset();
    serve([reset](const request& got, peer& to) {
      if (got.target == "/first")
        to.answer();
      else if (reset)
        to.reset();
      else
        to.close();
    });
    EXPECT_EQ(make(call_here("/first")).status, 200);
    expect_failed(make(call_here("/second", "POST")),
                  error_kind::connection_lost, true);
    EXPECT_EQ(server_->requests_of("/second"), 1U);
    EXPECT_EQ(server_->requests().back().on_connection, 2);
  }
}

TEST_F(OutboundFaultsTest, SendsACloneOnceThoughConnectionsAreKept) {
  serve([](const request& got, peer& to) {
    if (got.target == "/first")
      to.answer();
    else
      to.reset();
  });
  EXPECT_EQ(make(call_here("/first")).status, 200);
  expect_failed(make(clone_here("/clone")), error_kind::connection_lost, true);
  EXPECT_EQ(server_->requests_of("/clone"), 1U);
}

TEST_F(OutboundFaultsTest, EndsWhatIsUnderWayAtShutDownAndGivesNoMoreTurns) {
  options_.governor.max_calls = 3;
  serve_hanging();
  std::vector<std::future<exchange>> futures;
  for (auto i = 0; i < 10; ++i)
    futures.push_back(start(clone_here("/")));
  server_->await_requests(3);
  client_.reset();
  const auto now = std::chrono::seconds{0};
  for (std::size_t i = 0; i < futures.size(); ++i) {
    const bool has_turn = futures[i].wait_for(now) == std::future_status::ready;
    EXPECT_EQ(has_turn, i < 3) << i;
    if (has_turn)
      expect_failed(futures[i].get(), error_kind::shut_down, true);
  }
}

TEST_F(OutboundFaultsTest, EndsWhatACompletionAsksForAtShutDown) {
  serve_hanging();
  restart_client();
  std::promise<exchange> late;
  // Not through `client_`, which is null while the client is being destroyed.
  auto* client = client_.get();
  client->start(shared(call_here("/")), [&, client](const exchange&) {
    client->start(shared(call_here("/late")),
                  [&](exchange done) { late.set_value(std::move(done)); });
  });
  server_->await_requests(1);
  client_.reset();
  expect_failed(late.get_future().get(), error_kind::shut_down, false);
}

// Both are IPv4: a dead one costs little, not half of the connect-timeout.
TEST_F(OutboundFaultsTest, TriesAnotherAddressSoonWhereTheFirstDropsPackets) {
  serve([](const request&, peer& to) { to.answer(); });
  taken_port dropping{"127.0.0.2", server_->port()};
  dropping.ignore_connections();
  options_.connect_timeout = never;
  options_.resolve = [](const std::string&) {
    return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
  };
  auto clone =
    call_to("http://api.test:" + std::to_string(server_->port()), "POST");
  clone.purpose = call_class::clone;
  EXPECT_EQ(make(clone).status, 200);
  const auto again = make(clone);
  EXPECT_EQ(again.status, 200);
  EXPECT_LT(again.duration.count(), 150) << "it knows which of them works";
}

TEST_F(OutboundFaultsTest, SendsNothingWhileTheBreakerIsOpen) {
  options_.governor.breaker_failures = 2;
  options_.governor.breaker_open = never;
  serve([](const request& got, peer& to) {
    if (got.target == "/clone")
      to.answer();
    else
      to.reset();
  });
  make(call_here("/"));
  make(call_here("/"));
  auto third = start(call_here("/third"));
  EXPECT_EQ(client_->turns()->counts().at(0).breaker, "open");
  EXPECT_EQ(make(clone_here("/clone")).status, 200) << "is another class";
  EXPECT_EQ(third.wait_for(soon), std::future_status::timeout);
  EXPECT_EQ(server_->requests_of("/third"), 0U);
}

} // namespace
} // namespace handoff
