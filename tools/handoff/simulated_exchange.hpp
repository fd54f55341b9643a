#pragma once

#include "config/connection_registry.hpp"
#include "job/exchange.hpp"
#include "tools/fake_api/answer.hpp"
#include "tools/fake_api/script.hpp"

#include <cstdint>
#include <string>

namespace handoff {

// What stands in for the outbound client where no socket is opened: a call as
// fake_api would get it, and its answer as the client would give it.

/// The call as the outbound client would make it, with `token` where its
/// connection has one.
outbound_call through_connection(connection_registry& connections,
                                 const outbound_call& call,
                                 const std::string& token);

/// The number of the token that `sent`, a call as it is made, goes with; 0:
/// none that its connection could renew.
std::uint64_t simulated_token(connection_registry& connections,
                              const outbound_call& sent);

fake_api::request simulated_request(const outbound_call& call);

/// What the outbound client makes of the answer, and of what is wrong with it.
exchange simulated_exchange(const fake_api::answer& made,
                            const fake_api::step& step);

/// The end of a call that was sent.
exchange simulated_failure(error_kind kind, const char* why);

} // namespace handoff
