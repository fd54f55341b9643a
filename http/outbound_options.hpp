#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Limits that hold for each upstream host (scheme, name and port).
struct governor_options {
  std::size_t max_calls = 256; ///< in flight at once; >= 1
  /// The share of them, 0..1, that only clones may use. Sub-actions always
  /// keep one call at least.
  double reserved_for_clones = 0.5;
  double rate = 0; ///< calls started a second; 0 is no limit
  /// Failures in a row that open the breaker; 0 is never.
  std::size_t breaker_failures = 10;
  std::chrono::milliseconds breaker_open{5'000};
  /// Calls waiting for their turn, over all hosts; more end as `overloaded`.
  std::size_t max_waiting = 200'000;
  /// Told when a host's breaker became `state`, as in `upstream_counts`; must
  /// not block. May be null.
  std::function<void(std::string_view host, std::string_view state)>
    breaker_changed = {};
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

/// What is known of one upstream host. Hosts that were not called for ten
/// minutes are forgotten.
struct upstream_counts {
  std::string host;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;
  std::uint64_t calls = 0;    ///< started since the host is known
  std::uint64_t failures = 0; ///< of them, those that the breaker counts
  std::string breaker;        ///< "closed", "open" or "half-open"
  /// In a row until now: what opens the breaker.
  std::size_t failures_in_a_row = 0;
  /// When the breaker opened first since it was closed; none if it is closed.
  std::optional<std::chrono::steady_clock::time_point> not_closed_since = {};
};

} // namespace handoff
