#pragma once

#include "config/verify.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// A webhook that is made here, to be sent.
struct signed_request {
  std::string method = "POST";
  std::string path;
  /// Without the "?".
  std::string query = {};
  headers fields = {};
  std::string body = {};
};

/// Adds to `request` what proves the flow's sender: credentials, a token, or a
/// timestamp, a digest and a signature, wherever the rule looks for them. What
/// the rule signs and the request lacks is made up, such as the id of a
/// message. verify() takes what comes of it. With the scheme `none` nothing is
/// added. Error `invalid_request`: it cannot be signed; the detail says why.
std::optional<error> sign(const verify_rule& rule, signed_request& request,
                          wall_time now, std::string_view flow);

} // namespace handoff
