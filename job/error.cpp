#include "job/error.hpp"

#include <algorithm>
#include <iterator>

namespace handoff {
namespace {

struct entry {
  error_kind kind;
  std::string_view name;
  int http_status;
  std::string_view title;
};

// The one table that maps kinds to names, titles and HTTP statuses.
constexpr entry entries[] = {
  {error_kind::invalid_request, "invalid-request", 400,
   "The request is not valid"},
  {error_kind::unauthorized, "unauthorized", 401,
   "The request is not authenticated"},
  {error_kind::unknown_flow, "unknown-flow", 404, "There is no such flow"},
  {error_kind::unknown_route, "not-found", 404, "There is nothing here"},
  {error_kind::unknown_job, "unknown-job", 404, "There is no such job"},
  {error_kind::method_not_allowed, "method-not-allowed", 405,
   "The method is not allowed here"},
  {error_kind::request_timeout, "request-timeout", 408,
   "The request took too long to arrive"},
  {error_kind::conflict, "conflict", 409,
   "The job's state does not allow this"},
  {error_kind::payload_too_large, "payload-too-large", 413,
   "The body is too large"},
  {error_kind::uri_too_long, "uri-too-long", 414, "The URI is too long"},
  {error_kind::idempotency_key_reused, "idempotency-key-reused", 422,
   "The idempotency key was used with another body"},
  {error_kind::headers_too_large, "headers-too-large", 431,
   "The header fields are too large"},
  {error_kind::not_implemented, "not-implemented", 501,
   "The request needs what is not implemented"},
  {error_kind::http_version_not_supported, "http-version-not-supported", 505,
   "The HTTP version is not supported"},
  {error_kind::expectation_failed, "expectation-failed", 417,
   "The expectation cannot be met"},
  {error_kind::flows_invalid, "flows-invalid", 422, "The flows are not valid"},
  {error_kind::misdirected, "misdirected", 421,
   "The request is meant for another host"},
  {error_kind::cross_origin, "cross-origin", 403,
   "A page of another site must not ask for this"},
  {error_kind::internal, "internal", 500, "The service made a mistake"},
  {error_kind::overloaded, "overloaded", 503, "Too much work is waiting"},
  {error_kind::draining, "draining", 503, "The service is shutting down"},
  {error_kind::journal_unavailable, "journal-unavailable", 503,
   "The journal cannot commit"},
  {error_kind::stalled, "stalled", 503, "The service makes no progress"},
  {error_kind::clone_failed, "clone-failed", 502, "The clone failed"},
  {error_kind::clone_timed_out, "clone-timed-out", 504,
   "The clone took too long"},
  {error_kind::clone_ambiguous, "clone-ambiguous", 502,
   "Nobody can know whether the clone happened"},
  {error_kind::name_not_resolved, "name-not-resolved", 502,
   "The upstream's name was not resolved"},
  {error_kind::connect_failed, "connect-failed", 502,
   "The upstream could not be reached"},
  {error_kind::tls_failed, "tls-failed", 502,
   "The upstream's TLS handshake failed"},
  {error_kind::address_refused, "address-refused", 502,
   "The upstream's address is not allowed"},
  {error_kind::attempt_timed_out, "attempt-timed-out", 504,
   "The upstream did not answer in time"},
  {error_kind::connection_lost, "connection-lost", 502,
   "The connection to the upstream was lost"},
  {error_kind::answer_too_large, "answer-too-large", 502,
   "The upstream's answer is too large"},
  {error_kind::answer_malformed, "answer-malformed", 502,
   "The upstream's answer is malformed"},
  {error_kind::upstream_status, "upstream-status", 502,
   "The upstream answered with an error"},
  {error_kind::uid_missing, "uid-missing", 502,
   "The clone's answer has no usable UID"},
  {error_kind::template_failed, "template-failed", 500,
   "A template could not be filled in"},
  {error_kind::worker_crashed, "worker-crashed", 500,
   "The actor that made the attempt died"},
  {error_kind::quarantined, "quarantined", 500,
   "The sub-action crashed its actor too often"},
  {error_kind::shut_down, "shut-down", 503,
   "The attempt was cut short by a shutdown"},
  {error_kind::cancelled, "cancelled", 409, "The job was cancelled"},
  {error_kind::breaker_open, "breaker-open", 503,
   "The upstream's breaker is open"},
  {error_kind::throttled, "throttled", 503, "The upstream asked to wait"},
  {error_kind::answer_refused, "answer-refused", 502,
   "The flow calls the upstream's answer a failure"},
  {error_kind::answer_unknown, "answer-unknown", 502,
   "A rule of the flow says that the outcome is unknown"},
  {error_kind::nothing_picked, "nothing-picked", 502,
   "The upstream's answer has no such element"},
  {error_kind::wait_failed, "wait-failed", 502,
   "What was waited for has failed"},
  {error_kind::wait_timed_out, "wait-timed-out", 504,
   "What was waited for did not come in time"},
  {error_kind::token_missing, "token-missing", 503,
   "The connection has no token"},
  {error_kind::token_refused, "token-refused", 502,
   "The upstream refused the connection's token"},
  {error_kind::unknown_connection, "unknown-connection", 502,
   "There is no such connection"},
  {error_kind::when_false, "when", 500, "The step is not wanted for this job"},
};

const entry& find(error_kind kind) noexcept {
  const auto found =
    std::find_if(std::begin(entries), std::end(entries),
                 [kind](const entry& each) { return each.kind == kind; });
  return found != std::end(entries) ? *found : find(error_kind::internal);
}

} // namespace

std::string_view name(error_kind kind) noexcept {
  return find(kind).name;
}

error_kind error_kind_from(std::string_view text) noexcept {
  for (const auto& each : entries)
    if (each.name == text)
      return each.kind;
  return error_kind::internal;
}

std::string_view title(error_kind kind) noexcept {
  return find(kind).title;
}

int http_status(error_kind kind) noexcept {
  return find(kind).http_status;
}

} // namespace handoff
