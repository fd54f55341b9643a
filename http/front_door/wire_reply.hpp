#pragma once

#include "actors/responder.hpp"

#include <chrono>
#include <string>

namespace handoff {

/// What the request and the connection make of an answer.
struct wire_options {
  bool head_only = false; ///< the answer to HEAD
  bool http_1_0 = false;  ///< the request was
  bool close = false;     ///< it is the last one on the connection
};

/// Whether `what` itself asks for the connection to be closed after it.
bool asks_to_close(const reply& what) noexcept;

/// Gives `to` those of `fields` whose names it does not have.
void add_missing(reply& to, const headers& fields);

/// The bytes of `what` (RFC 9112), with `Date`, `Content-Length` and, where it
/// says something, `Connection`; what `what` says about these and about
/// `Transfer-Encoding` is left out. One with a stream has no length, and has to
/// be the last on its connection. A reply that cannot be written without
/// ambiguity (a CR or LF in a field, a status that is not final) becomes 500.
std::string wire_reply(const reply& what, wire_options options,
                       std::chrono::system_clock::time_point now);

} // namespace handoff
