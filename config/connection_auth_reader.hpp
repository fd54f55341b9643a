#pragma once

#include "config/connection.hpp"
#include "config/flow_reader.hpp"

#include <string>
#include <string_view>

namespace handoff {

struct connection_defaults;

/// The PEM text called `key`, of which `holds` says whether it is one; empty if
/// there is none. It is not shown, because it may be a private key. `what` says
/// in words what is wanted.
std::string read_pem(object_reader& object, std::string_view key,
                     bool (*holds)(const std::string&), std::string_view what);

/// The URL called `key`, which a call can be made to. That of a connection
/// (`is_base`) has no query, and is given without a slash at its end.
std::string read_call_url(object_reader& object, std::string_view key,
                          bool is_base);

/// The auth of a connection. A relative `store` is in the folder of the INI.
connection_auth read_auth(flow_report& report, const nlohmann::json& value,
                          const nlohmann::json::json_pointer& at,
                          const connection_defaults& defaults);

} // namespace handoff
