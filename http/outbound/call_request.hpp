#pragma once

#include "http/outbound/transfer.hpp"
#include "job/exchange.hpp"

#include <string>

namespace handoff {

/// The path and the query of a call's URL (RFC 9112, section 3.2.1; RFC 9113,
/// section 8.3.1).
std::string path_of(const call_target& target);

/// Whom the request is for: what the call says (`Host`), else its upstream,
/// without the scheme's own port (RFC 9110, section 7.2).
std::string authority_of(const transfer& work);

/// The other fields of its request, those of the call but for what is this
/// client's to write, and what goes with each.
headers request_fields(const transfer& work);

} // namespace handoff
