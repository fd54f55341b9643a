#pragma once

#include "config/connection_registry.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

class shared_tokens;

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
  /// Told when a host's breaker became `state`, as in `upstream_counts`; must
  /// not block. May be null.
  std::function<void(std::string_view host, std::string_view state)>
    breaker_changed = {};
  /// Whether the limits are of all processes that share a journal, each of
  /// which has its part of them.
  bool shared = true;
};

struct outbound_options {
  governor_options governor;
  std::chrono::milliseconds connect_timeout{5'000};
  std::size_t max_answer = 1'048'576; ///< bytes of an answer's body
  std::size_t max_answer_headers = 65'536;
  /// False: addresses that are loopback, link-local, private or otherwise not
  /// global unicast are refused once the name is resolved.
  bool private_networks_allowed = true;
  /// PEM text of the authorities that upstreams are verified with; empty: those
  /// of the system.
  std::string ca = {};
  /// PEM texts of what this side shows; empty: nothing.
  std::string certificate = {};
  std::string key = {};
  /// `http://name:port`, through which all calls go (CONNECT, RFC 9110, section
  /// 9.3.6); empty: none, whatever the environment says.
  std::string proxy = {};
  /// Whether sub-actions are sent as HTTP/2 where the upstream offers it
  /// (ALPN).
  bool http2 = true;
  std::string user_agent = "handoff";
  /// Whether a call may begin now: asked before each turn and again before the
  /// request is written. Any thread; must not block. Null: always.
  std::function<bool()> may_call = {};
  /// Where nodes keep tokens together; null: nowhere.
  std::shared_ptr<shared_tokens> tokens = nullptr;
  /// What calls may be made through; null: nothing.
  std::shared_ptr<connection_registry> connections = nullptr;
  /// Looks names up; null: the system does. For tests.
  std::function<std::vector<std::string>(const std::string& name)> resolve = {};
};

/// The upper bounds of the classes that calls are sorted into by how long they
/// took, in seconds; what took longer has a class of its own.
inline constexpr std::array<double, 16> call_time_bounds{
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 6, 7, 8, 9, 10, 30};

/// How long calls took, from their turn to their end.
struct call_times {
  std::array<std::uint64_t, call_time_bounds.size() + 1> classes{};
  std::chrono::duration<double> sum{0};

  void add(std::chrono::duration<double> took) noexcept;
};

/// What is known of one upstream host. Hosts that were not called for ten
/// minutes are forgotten.
struct upstream_counts {
  std::string host;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;
  std::uint64_t calls = 0;    ///< started since the host is known
  std::uint64_t failures = 0; ///< of them, those that the breaker counts
  /// "closed", "open" or "half-open": that of the class of calls which is worse
  /// off.
  std::string breaker;
  /// In a row until now: what opens the breaker.
  std::size_t failures_in_a_row = 0;
  /// When the breaker opened first since it was closed; none if it is closed.
  std::optional<std::chrono::steady_clock::time_point> not_closed_since = {};
  call_times times = {};
  /// Calls whose turn had come and that had to wait for a descriptor.
  std::uint64_t put_off = 0;
};

} // namespace handoff
