#pragma once

#include "actors/messages.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// How much memory the parts of a body may take that are kept beside its text.
inline constexpr std::size_t kept_parts_bytes_max = 16'384;

/// What came in as a webhook: its sender is known, its body was read.
struct posted_webhook {
  handoff::headers headers;
  /// Decoded, in the order in which they came.
  std::vector<std::pair<std::string, std::string>> query;
  webhook_body body;
  /// What `body.read()` gave.
  nlohmann::json document;
};

/// What a webhook's order needs to be told, because `make_order` has no clock
/// and no random numbers of its own.
struct order_facts {
  std::string job; ///< the id that the job gets
  trace_context trace;
  wall_time received;
  responder::time_point now; ///< the same instant by the steady clock
  responder::time_point arrived;
  /// `[deadline] limit` and `margin`; the flow may shorten the limit.
  std::chrono::milliseconds limit{10'000};
  std::chrono::milliseconds margin{500};
};

/// How long the sender of a webhook of this flow is held at most.
std::chrono::milliseconds deadline_limit(const flow& definition,
                                         std::chrono::milliseconds limit);

/// The trace that a webhook continues (W3C Trace Context, section 3), or a new
/// one.
trace_context trace_of(const headers& fields);

/// The order that a webhook of this flow is for the actors, without its
/// responder: deadlines, preferences (RFC 7240), idempotency claim; credentials
/// that the flow does not refer to are hidden.
///
/// Error `invalid_request`: the idempotency key cannot be rendered, or a field
/// that it is made of appears more than once. A key that is missing or empty is
/// no error: the webhook is then never treated as a duplicate.
result<std::shared_ptr<clone_order>> make_order(const flow_ptr& definition,
                                                posted_webhook posted,
                                                order_facts facts);

} // namespace handoff
