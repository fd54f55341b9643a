#pragma once

#include "support/tls_server.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace handoff::test {

/// An HTTP/2 server with TLS on 127.0.0.1 (RFC 9113). A thread a connection;
/// does with each request what `handle` says. Whoever offers no HTTP/2 has 200
/// as HTTP/1.1, with the body "1.1".
class http2_server {
public:
  struct request {
    std::string method;
    std::string path;
    std::string head; ///< the fields as lines "name: value\n"
    std::string body;
    int connection = 0;    ///< 1 for the first
    int on_connection = 0; ///< 1 for the first request of its connection
    int number = 0;        ///< 1 for the first of all
  };

  struct action {
    enum class kind {
      answer,
      reset,   ///< RST_STREAM with `code`
      go_away, ///< GOAWAY: this one was not processed, those before it were
      hang,    ///< no answer
      close,   ///< ends the TCP connection
      freeze,  ///< reads and writes nothing more on this connection
    };

    kind what = kind::answer;
    int status = 200;
    std::string body = {};
    std::string content_encoding = {};
    std::uint32_t code = 0;
    std::chrono::milliseconds delay{0}; ///< before an answer
  };

  using script = std::function<action(const request&)>;

  /// `window`: bytes of bodies that may come unread, of each and of all.
  explicit http2_server(tls_identity identity, script handle = nullptr,
                        std::uint32_t streams_max = 100,
                        std::uint32_t window = 65'535);
  ~http2_server();

  int port() const;

  int connections() const;

  int requests() const { return requests_; }

private:
  class conversation;

  void answer_in_http1(SSL* ssl);

  script handle_;
  std::uint32_t streams_max_;
  std::uint32_t window_;
  std::atomic<int> requests_{0};
  std::atomic<bool> ending_{false};
  std::unique_ptr<tls_server> tls_;
};

} // namespace handoff::test
