#pragma once

#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// A secret, which no message shows: neither its value nor, if it stands in the
/// flow literally, its text. That it stands there is a warning.
std::optional<std::string> read_secret(flow_report& report,
                                       const nlohmann::json& value,
                                       const nlohmann::json::json_pointer& at);

/// Makes a secret of the credentials that Basic (RFC 7617) sends for `user` and
/// `password`: an upstream may repeat them without the padding, too.
void hide_basic(flow_report& report, const nlohmann::json::json_pointer& at,
                std::string_view user, std::string_view password);

/// Makes a secret of what the header `name` proves who calls with, if it is
/// known at load: what follows the scheme in `value`.
void hide_credentials(flow_report& report,
                      const nlohmann::json::json_pointer& at,
                      std::string_view name, std::string_view value);

/// Refuses what cannot be the key of a Standard Webhooks signature; what is
/// left of it without its prefix is a secret too.
void check_webhook_key(flow_report& report,
                       const nlohmann::json::json_pointer& at,
                       const std::string& secret);

} // namespace handoff
