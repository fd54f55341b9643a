// Goal: whatever becomes of a connection, no clone is sent twice, and a
// sub-action gets through where there is a way. Method: TLS ends that restart,
// close, half-close, refuse and reset at the worst moment.

#include "support/outbound_tls_fixture.hpp"

#include <atomic>
#include <future>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace handoff {
namespace {

constexpr auto* ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

class OutboundTlsLossTest : public test::outbound_tls_fixture {
protected:
  /// Reads a request; false if the other side goes.
  static bool read_request(SSL* ssl) {
    std::string got;
    char piece[4'096];
    while (got.find("\r\n\r\n") == std::string::npos) {
      const int count = SSL_read(ssl, piece, sizeof piece);
      if (count <= 0)
        return false;
      got.append(piece, static_cast<std::size_t>(count));
    }
    return true;
  }

  static void write(SSL* ssl, const std::string& text) {
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
  }

  /// Waits until the other side goes.
  static void wait_for_end(SSL* ssl) {
    char any = 0;
    while (::recv(SSL_get_fd(ssl), &any, 1, 0) > 0) {
    }
  }
};

TEST_F(OutboundTlsLossTest, GoesOnAfterARestartOfTheTlsEnd) {
  const auto identity = test::issue(authority_, upstream);
  serve({.identity = identity});
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(make_sub_action().status, 200);
  // Its kept connections and its sessions' keys are gone.
  serve({.identity = identity, .port = port_});
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(tls_->requests(), 3);
  EXPECT_EQ(tls_->resumed(), 2) << "all but the first";
}

TEST_F(OutboundTlsLossTest, LosesTheCloneOfWhichARestartMayHaveKnown) {
  const auto identity = test::issue(authority_, upstream);
  std::promise<void> came;
  serve({.identity = identity, .converse = [&](SSL* ssl, int) {
           if (read_request(ssl))
             came.set_value();
           wait_for_end(ssl);
         }});
  auto clone = start(to_upstream(call_class::clone));
  came.get_future().wait();
  serve({.identity = identity, .port = port_});
  expect_failed(clone.get(), error_kind::connection_lost, true);
  EXPECT_EQ(tls_->requests(), 0) << "nothing is sent again";
}

TEST_F(OutboundTlsLossTest, UsesNoSessionThatIsHalfClosed) {
  options_.http2 = false;
  std::atomic<int> requests{0};
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           if (!read_request(ssl))
             return;
           ++requests;
           write(ssl, ok);
           SSL_shutdown(ssl); // close_notify; the TCP connection stays
           wait_for_end(ssl);
         }});
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(make_sub_action().status, 200);
  EXPECT_EQ(make_clone().status, 200);
  EXPECT_EQ(requests, 4);
  EXPECT_EQ(tls_->connections(), 4);
}

TEST_F(OutboundTlsLossTest, SendsACloneOnceThoughItsSessionIsHalfClosed) {
  std::atomic<int> requests{0};
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           if (read_request(ssl))
             ++requests;
           SSL_shutdown(ssl);
           wait_for_end(ssl);
         }});
  expect_failed(make_clone(), error_kind::connection_lost, true);
  EXPECT_EQ(requests, 1);
}

TEST_F(OutboundTlsLossTest, TakesNoAnswerThatIsCutWithoutCloseNotify) {
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           if (read_request(ssl))
             write(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal");
         }});
  expect_failed(make_clone(), error_kind::connection_lost, true);
}

// libcurl would send it again by itself, on a new connection.
TEST_F(OutboundTlsLossTest, RepeatsNothingOnceItMayNot) {
  options_.http2 = false;
  std::atomic<bool> may_call{true};
  options_.may_call = [&] {
    return may_call.load();
  };
  std::atomic<int> requests{0};
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           for (int on_connection = 1; read_request(ssl); ++on_connection) {
             ++requests;
             if (on_connection == 2) {
               may_call = false;
               return;
             }
             write(ssl, ok);
           }
         }});
  EXPECT_EQ(make_sub_action().status, 200);
  expect_failed(make_sub_action(), error_kind::connection_lost, true);
  EXPECT_EQ(requests, 2);
}

// The server closes its idle connection while the next call is on its way.
TEST_F(OutboundTlsLossTest, MakesNoCloneAmbiguousByAServerThatClosesWhenIdle) {
  serve({.identity = test::issue(authority_, upstream),
         .converse = [&](SSL* ssl, int) {
           if (read_request(ssl))
             write(ssl, ok);
         }});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(make_sub_action().status, 200);
    EXPECT_EQ(make_clone().status, 200);
  }
}

} // namespace
} // namespace handoff
