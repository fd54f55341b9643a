#pragma once

#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace handoff {

/// A secret, which no message shows: neither its value nor, if it stands in the
/// flow literally, its text. That it stands there is a warning.
std::optional<std::string> read_secret(flow_report& report,
                                       const nlohmann::json& value,
                                       const nlohmann::json::json_pointer& at);

/// Refuses what cannot be the key of a Standard Webhooks signature; what is
/// left of it without its prefix is a secret too.
void check_webhook_key(flow_report& report,
                       const nlohmann::json::json_pointer& at,
                       const std::string& secret);

} // namespace handoff
