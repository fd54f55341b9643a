#pragma once

#include "job/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace handoff {

/// Limits that hold for each upstream host (scheme, name and port).
struct governor_options {
  std::size_t max_calls = 256; ///< in flight at once; >= 1
  /// The share of them, 0..1, that only clones may use.
  double reserved_for_clones = 0.5;
  double rate = 0; ///< calls started a second; 0 is no limit
  /// Failures in a row that open the breaker; 0 is never.
  std::size_t breaker_failures = 10;
  std::chrono::milliseconds breaker_open{5'000};
  /// Calls waiting for their turn, over all hosts; more end as `overloaded`.
  std::size_t max_waiting = 200'000;
};

struct outbound_options {
  governor_options governor;
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t max_answer = 1'048'576; ///< bytes of an answer's body
  std::size_t max_answer_headers = 65'536;
  /// False: addresses that are loopback, link-local, private or otherwise not
  /// global unicast are refused once the name is resolved.
  bool private_networks_allowed = true;
  std::string user_agent = "handoff";
};

/// What is known of one upstream host.
struct upstream_counts {
  std::string host;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::string breaker; ///< "closed", "open" or "half-open"
};

/// Makes HTTP calls: libcurl's multi interface on one thread of its own, driven
/// by epoll. Connections are reused, certificates verified, redirects never
/// followed, proxies of the environment ignored, http and https only.
///
/// Thread-safe.
class outbound_client {
public:
  using completion = std::function<void(exchange)>;

  explicit outbound_client(outbound_options options);

  /// Ends every call that is under way as `shut_down`.
  ~outbound_client();

  outbound_client(const outbound_client&) = delete;
  outbound_client& operator=(const outbound_client&) = delete;

  /// Makes `call` as soon as the host's limits allow. `done` is told exactly
  /// once, on the client's thread, and must not block. Never throws for what a
  /// call asks: a bad URL is an exchange that failed.
  void start(outbound_call call, completion done);

  std::vector<upstream_counts> counts() const;

private:
  class loop;
  std::unique_ptr<loop> loop_;
};

} // namespace handoff
