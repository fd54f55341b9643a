#pragma once

#include "actors/responder.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace handoff {

/// One whole request, checked: its bytes are unambiguous HTTP/1.1 or 1.0, its
/// body is complete and no longer than allowed.
struct http_request {
  std::string method;
  /// As sent, before the "?": starts with "/", not decoded. Only that of
  /// `OPTIONS *` is "*".
  std::string path;
  /// As sent, after the "?"; empty if there is none.
  std::string query;
  handoff::headers headers;
  std::string body;
  /// When its first byte was read.
  std::chrono::steady_clock::time_point arrived;
};

/// Connections that were refused since the start, by why.
struct connection_refusals {
  std::atomic<std::uint64_t> max_connections = 0;
  std::atomic<std::uint64_t> descriptors = 0;
};

struct front_door_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0; ///< 0 takes a free one
  std::size_t threads = 2;
  std::size_t max_body = 1'048'576; ///< bytes; more is 413
  std::size_t max_headers = 65'536; ///< bytes; more is 431
  std::size_t max_target = 8'192;   ///< bytes; more is 414
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  /// Between two requests of a connection.
  std::chrono::milliseconds idle_timeout{75'000};
  /// After that long with nothing to say, a stream shows that it is alive.
  std::chrono::milliseconds keep_alive{15'000};
  /// More are refused with 503, and so is whoever comes when descriptors are
  /// short; see `descriptor_shares`.
  std::size_t max_connections = 12'000;
  /// Whether it may have the descriptors that are kept from senders.
  bool for_operators = false;
  /// Never null; may be read by anybody, and after the front door is gone.
  std::shared_ptr<connection_refusals> refusals =
    std::make_shared<connection_refusals>();
  /// How long a client may take none of what is sent to it.
  std::chrono::milliseconds reader_timeout{60'000};
  /// How long a client may go on sending after its last answer before the
  /// connection is reset.
  std::chrono::milliseconds linger_time{5'000};
  /// Bytes of answers that a worker keeps for its slow readers, all together.
  /// One answer of any size is kept; beyond this sum, whoever has read nothing
  /// for the longest is disconnected.
  std::size_t max_unsent = 268'435'456;
  /// Go with every answer, of whoever, that has no field of the same name.
  headers fields;
  /// Told of each request that is refused before any handler sees it, without
  /// its body, if its head had come as a whole. On a thread of the front door:
  /// must neither block nor throw. May be null.
  std::function<void(const http_request&, const error&)> refused;
};

/// What the front door has counted; totals since the start but for the first
/// two.
struct front_door_counts {
  std::size_t connections = 0;
  std::size_t held = 0; ///< requests handed on and not answered yet
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t rejected_requests = 0; ///< answered before any handler saw them
};

/// Listens, reads requests, hands each to the handler, and writes each answer
/// to the connection that its request came on and to no other. The requests of
/// one connection are handed on one after the other, each when the one before
/// is answered.
///
/// A client that closes its sending side (SHUT_WR) gets its answers, then the
/// connection ends; one that resets it is gone (RFC 9112, section 9.6).
///
/// The handler runs on a thread of the front door and must not block. What it
/// throws is answered with 500.
class front_door {
public:
  using handler = std::function<void(http_request, responder_ptr)>;

  /// Binds and starts. Throws `std::system_error` if the address cannot be
  /// bound, and says which.
  front_door(front_door_options options, handler handle);

  /// Closes every connection and tells the outcome of every request that is
  /// held. Answers that come later are dropped. Waits for a handler that runs.
  ~front_door();

  front_door(const front_door&) = delete;
  front_door& operator=(const front_door&) = delete;

  std::uint16_t port() const;

  front_door_counts counts() const;

  /// From now on every answer carries `Connection: close`, and idle connections
  /// are closed; requests still reach the handler, which refuses them.
  void close_after_answers();

private:
  class state;
  std::unique_ptr<state> state_;
};

} // namespace handoff
