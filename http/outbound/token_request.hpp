#pragma once

#include "config/connection.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <string>

namespace handoff {

/// The request for a token of `through` (RFC 6749, sections 4.4 and 6; RFC
/// 7523, section 2.1). `refresh_token` is of that grant. Error `internal`: an
/// assertion cannot be signed.
result<outbound_call> token_request(const connection& through,
                                    const std::string& refresh_token,
                                    wall_time now);

/// A JSON Web Token (RFC 7519) for the token endpoint: `claims`, and where they
/// do not say otherwise iss (the client), aud (the endpoint), iat, exp (five
/// minutes) and a jti of its own.
result<std::string> assertion_of(const connection_auth& auth, wall_time now);

} // namespace handoff
