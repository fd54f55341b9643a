#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace handoff {

/// Everything that can go wrong, whoever finds it. Values are written to the
/// journal: they are append-only, and a name is never given to another value.
enum class error_kind : std::uint16_t {
  // What a sender or an operator asked for.
  invalid_request = 1,
  unauthorized = 2,
  unknown_flow = 3,
  unknown_route = 4,
  unknown_job = 5,
  method_not_allowed = 6,
  request_timeout = 7,
  conflict = 8,
  payload_too_large = 9,
  uri_too_long = 10,
  idempotency_key_reused = 11,
  headers_too_large = 12,
  not_implemented = 13,
  http_version_not_supported = 14,
  expectation_failed = 15,
  flows_invalid = 16,
  misdirected = 17,
  cross_origin = 18,
  // What this service cannot do now.
  internal = 30,
  overloaded = 31,
  draining = 32,
  journal_unavailable = 33,
  stalled = 34,
  // What became of a clone.
  clone_failed = 40,
  clone_timed_out = 41,
  clone_ambiguous = 42,
  // What became of one attempt against an upstream.
  name_not_resolved = 60,
  connect_failed = 61,
  tls_failed = 62,
  address_refused = 63,
  attempt_timed_out = 64,
  connection_lost = 65,
  answer_too_large = 66,
  answer_malformed = 67,
  upstream_status = 68,
  uid_missing = 69,
  template_failed = 70,
  worker_crashed = 71,
  quarantined = 72,
  shut_down = 73,
  cancelled = 74,
  breaker_open = 75,
  throttled = 76,
  answer_refused = 77,
  nothing_picked = 78,
  wait_failed = 79,
  wait_timed_out = 80,
  when_false = 81,
  answer_unknown = 82,
  token_missing = 90,
  token_refused = 91,
  unknown_connection = 92,
};

/// What went wrong, in words that may be shown to whoever asked: never a
/// secret, never a path of this machine.
struct error {
  error_kind kind = error_kind::internal;
  std::string detail;

  friend bool operator==(const error&, const error&) = default;
};

/// A value, or why there is none.
template <class T>
using result = std::variant<T, error>;

/// The name of `kind` in kebab case: the last segment of a problem's `type`,
/// the `error` of an attempt, the word in a log line.
std::string_view name(error_kind kind) noexcept;

/// The kind that has `text` as its name; `internal` for any other text.
error_kind error_kind_from(std::string_view text) noexcept;

/// A short sentence for the `title` of a problem (RFC 9457, section 3.1.3).
std::string_view title(error_kind kind) noexcept;

/// The status of the HTTP answer that reports `kind` (RFC 9110, section 15).
int http_status(error_kind kind) noexcept;

} // namespace handoff
