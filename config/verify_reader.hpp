#pragma once

#include "config/flow_reader.hpp"
#include "config/verify.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace handoff {

/// What the reader of `verify` needs to know beside it.
struct verify_circumstances {
  /// `[http] public-url`; empty if there is none.
  std::string public_url = {};
  /// Whether `verify` is that of a sender's preset. What nobody can change
  /// there is no warning.
  bool from_preset = false;
  /// Whether there may be no secret yet, because it comes with the handshake.
  /// Until then nobody is let in.
  bool secret_may_lack = false;
  /// Where the secrets stand: in `verify` itself, or in `sender`.
  nlohmann::json::json_pointer secrets_at{"/verify"};
};

/// Reads the `verify` of a flow. What is wrong goes to `report`.
verify_rule read_verify(flow_report& report, const nlohmann::json& value,
                        const nlohmann::json::json_pointer& at,
                        const verify_circumstances& around);

} // namespace handoff
