#pragma once

#include "config/secrets.hpp"
#include "job/exchange.hpp"

#include <string>

namespace handoff {

/// A call as people see it: with the secrets masked, and without the values of
/// header fields, parameters of the query, members of a JSON body and fields of
/// a form whose names say that they are secret.
outbound_call masked(const secrets& hidden, outbound_call call);

} // namespace handoff
