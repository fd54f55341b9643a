#pragma once

#include "http/outbound/call_turns.hpp"
#include "http/outbound/outbound_options.hpp"
#include "http/outbound/token_table.hpp"
#include "job/exchange.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace handoff {

/// What operators see of a connection, beside the counts of its name.
struct connection_state {
  connection_ptr connection;
  /// Of one that needs a token.
  std::optional<token_table::view> token;
};

/// Makes HTTP calls: libcurl's multi interface on one thread of its own, driven
/// by epoll. Connections are reused (by sub-actions; each clone has one of its
/// own), certificates verified, redirects never followed, proxies of the
/// environment ignored, http and https only. A request goes to the wire once at
/// the most: a lost connection is reported, never repaired by a repeat.
///
/// A call through a connection has the connection's URL, headers and auth added
/// when it begins; one of a connection that is not there, or has no token, ends
/// unsent.
///
/// Thread-safe.
class outbound_client {
public:
  using completion = std::function<void(exchange)>;

  explicit outbound_client(outbound_options options);

  /// Ends every call that waits or is under way as `shut_down`; their
  /// completions have returned when this does.
  ~outbound_client();

  outbound_client(const outbound_client&) = delete;
  outbound_client& operator=(const outbound_client&) = delete;

  /// Makes `call`, which is not null, now. Its turn, if it brings one, is over
  /// when `done` is told. `done` is told exactly once, on the client's thread;
  /// it must not block and must not throw. Never throws for what a call asks: a
  /// bad URL, method or header is an exchange that failed as `template_failed`.
  /// Fields that frame the message or belong to the connection (Content-Length,
  /// Transfer-Encoding, Connection, Expect,
  /// ...) are this client's to write, and are left out of `call.headers`. A
  /// HEAD carries no body.
  void start(outbound_call_ptr call, completion done);

  /// Where turns are asked for. May be asked when the client is gone: nobody
  /// who has to wait gets one then.
  std::shared_ptr<call_turns> turns() const;

  /// The connections, and what is known of their tokens.
  std::vector<connection_state> connections() const;

private:
  class loop;
  std::unique_ptr<loop> loop_;
};

} // namespace handoff
