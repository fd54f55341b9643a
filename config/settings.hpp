#pragma once

#include "job/retry.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace handoff {

/// What the INI sets, section by section; an empty INI gives what stands here.
/// `config/handoff.ini` says what each key means.

struct http_settings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080; ///< 0 takes a free one and prints it
  std::size_t threads = 2;
  std::size_t max_body = 1'048'576;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::size_t max_connections = 12'000;
  /// What senders call: scheme, host, perhaps a port and a path. Empty if no
  /// flow needs it.
  std::string public_url;
  /// How long a connection is kept between two requests, on both sides.
  std::chrono::milliseconds keep_alive{75'000};
};

struct admin_settings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8081;
  std::string token;
  /// Names that are answered to beside loopback, IP addresses and `address`.
  std::vector<std::string> hosts;
};

struct flows_settings {
  /// Absolute, or relative to the working directory once loaded.
  std::string directory = "flows";
  /// Whether somebody asked for that directory: then it must exist.
  bool given = false;
  /// As `directory`.
  std::string connections = "connections.json";
  bool connections_given = false;
};

struct deadline_settings {
  std::chrono::milliseconds limit{10'000};
  std::chrono::milliseconds margin{500};
};

struct admission_settings {
  std::size_t max_held = 10'000;
  std::size_t max_jobs = 100'000;
  std::size_t max_bytes = std::size_t{1} << 30;
};

struct pool_settings {
  std::size_t workers = 3;
};

struct supervisor_settings {
  std::size_t max_restarts = 5;
  std::chrono::milliseconds within{10'000};
};

struct upstream_settings {
  std::size_t max_calls = 256;
  double reserved_for_clones = 0.5;
  /// Calls a second to one host; 0 is no limit.
  double rate = 0;
  /// Failures in a row that open a host's breaker; 0 is never.
  std::size_t breaker_failures = 10;
  std::chrono::milliseconds breaker_open{5'000};
  std::chrono::milliseconds connect_timeout{5'000};
  bool private_networks_allowed = true;
  /// PEM text of authorities; empty: the system's.
  std::string ca;
  /// `http://HOST:PORT`; empty: none.
  std::string proxy;
  bool http2 = true;
  /// Whether nodes that share a journal share the limits, too.
  bool shared = true;

  friend bool operator==(const upstream_settings&,
                         const upstream_settings&) = default;
};

struct journal_settings {
  std::string uri = "sqlite:handoff.db";
  std::chrono::milliseconds keep{7LL * 24 * 3'600'000};
  std::uint64_t keep_bytes = 0; ///< 0 is no limit
  std::chrono::milliseconds commit_delay{0};
  /// Of a node, by the database's clock.
  std::chrono::milliseconds lease{20'000};
  /// The node's name; empty: that of the host.
  std::string node;
  /// What is encrypted in a shared journal is encrypted with it; empty: nothing
  /// is kept there that would have to be.
  std::string secret;

  /// Whether several nodes may share it.
  bool is_shared() const { return uri.starts_with("postgres"); }
};

struct drain_settings {
  std::chrono::milliseconds timeout{30'000};
};

struct log_settings {
  std::string level = "info";
  std::string format = "text";
};

struct trace_settings {
  /// The URL of a collector for spans; empty: none.
  std::string otlp;
};

struct settings {
  /// The folder of the INI, which relative paths in it are relative to; empty
  /// (the working directory) without one.
  std::string base_directory;
  http_settings http;
  admin_settings admin;
  flows_settings flows;
  deadline_settings deadline;
  admission_settings admission;
  pool_settings pool;
  retry_policy retry;
  supervisor_settings supervisor;
  upstream_settings upstream;
  journal_settings journal;
  drain_settings drain;
  log_settings log;
  trace_settings trace;
};

} // namespace handoff
