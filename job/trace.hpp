#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// The place of a job in a distributed trace (W3C Trace Context, section 3.2).
struct trace_context {
  std::string trace_id;     ///< 32 lower-case hex digits, not all zero
  std::string flags = "01"; ///< two hex digits
  /// What tracing systems told each other, as it goes on (section 3.3); empty
  /// where there is nothing.
  std::string state = {};

  friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// As much of a `tracestate` is passed on: what section 3.3.1.5 asks for.
inline constexpr std::size_t tracestate_bytes_max = 512;

/// What a sender's `traceparent` says; a new trace where it is missing or
/// malformed, as section 3.2.2.5 asks for. `tracestate` has the fields of that
/// name, in their order: they are dropped with a trace that is not continued,
/// where they are malformed, and from the end where they are too long.
trace_context
continue_trace(std::string_view traceparent,
               const std::vector<std::string_view>& tracestate = {});

/// The span id of an attempt, 16 hex digits and not all zero. It follows from
/// what tells the attempt from all others, so that nobody has to keep it.
std::string span_id_of(std::string_view job, std::string_view step,
                       std::uint32_t attempt);

/// The same of a call beside the attempts of a step, by the millisecond in
/// which it began.
std::string span_id_of(std::string_view job, std::string_view step,
                       std::chrono::system_clock::time_point began);

/// The span that the sender's `traceparent` names as its own (`parent-id`);
/// empty where it is missing or malformed.
std::string parent_span_of(std::string_view traceparent);

/// A `traceparent` for what is sent under that span.
std::string make_traceparent(const trace_context& trace,
                             std::string_view span_id);

} // namespace handoff
