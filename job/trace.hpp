#pragma once

#include <string>
#include <string_view>

namespace handoff {

/// The place of a job in a distributed trace (W3C Trace Context, section 3.2).
struct trace_context {
  std::string trace_id;     ///< 32 lower-case hex digits, not all zero
  std::string flags = "01"; ///< two hex digits

  friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// What a sender's `traceparent` says; a new trace where it is missing or
/// malformed, as section 3.2.2.5 asks for.
trace_context continue_trace(std::string_view traceparent);

/// A `traceparent` for one outbound attempt, with a span id of its own.
std::string make_traceparent(const trace_context& trace);

} // namespace handoff
