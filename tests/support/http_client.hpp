#pragma once

#include "job/exchange.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace handoff::support {

struct http_response {
  int status = 0;
  handoff::headers headers;
  std::string body;

  /// The value of the first field of that name, in any case; empty if none.
  std::string header(std::string_view name) const;

  /// Throws `nlohmann::json::exception` if the body is not JSON.
  nlohmann::json json() const;
};

/// Why there was no answer.
class http_client_error : public std::runtime_error {
public:
  enum class kind {
    refused,   ///< no connection
    timed_out, ///< nothing more came in time
    closed,    ///< ended (FIN) before the answer did
    reset,     ///< RST
    not_http,
  };

  http_client_error(kind why, const std::string& what)
      : std::runtime_error(what), why_{why} {}

  kind why() const noexcept { return why_; }

private:
  kind why_;
};

/// One TCP connection to a server on 127.0.0.1. Every call that waits throws
/// `http_client_error`, and takes `timeout` at most for each piece of data.
class http_connection {
public:
  explicit http_connection(
    std::uint16_t port,
    std::chrono::milliseconds timeout = std::chrono::seconds{30});
  http_connection(http_connection&& other) noexcept;
  http_connection& operator=(http_connection&& other) noexcept;
  ~http_connection();

  /// Sends a request and reads the answer.
  http_response request(std::string_view method, std::string_view path,
                        const handoff::headers& fields = {},
                        std::string_view body = {});

  /// Only sends it. Host and Content-Length are added where `fields` have none.
  void send_request(std::string_view method, std::string_view path,
                    const handoff::headers& fields = {},
                    std::string_view body = {});

  /// Only reads an answer; answers of 1xx are skipped. `to_head` tells that it
  /// has no body, whatever its headers say.
  http_response read_response(bool to_head = false);

  /// Bytes as they are.
  void send(std::string_view bytes);

  /// What is there, at least one byte; empty at the end of the stream.
  std::string receive(std::size_t bytes_max = 65'536);

  /// Ends our direction only.
  void shut_down_sending();

  void close();

  /// Ends it with a RST, as a sender that crashes may.
  void reset();

private:
  int socket_ = -1;
  std::string unread_;
};

/// One request on a connection of its own.
http_response
request(std::uint16_t port, std::string_view method, std::string_view path,
        handoff::headers fields = {}, std::string_view body = {},
        std::chrono::milliseconds timeout = std::chrono::seconds{30});

} // namespace handoff::support
