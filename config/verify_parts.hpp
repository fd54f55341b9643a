#pragma once

#include "config/flow_reader.hpp"
#include "config/verify_reader.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace handoff {

// The parts of read_verify(). Each reads into `made`; what is wrong goes to the
// report.

/// The names of `byte_encoding`, in its order.
const std::vector<std::string_view>& byte_encodings();

/// A template of `verify`; `own` are the words of it that may be used there.
std::optional<verify_template>
read_verify_template(flow_report& report, const nlohmann::json& value,
                     const nlohmann::json::json_pointer& at,
                     const std::vector<verify_template::source>& own);

/// Refuses a template that takes nothing of the webhook.
void check_of_webhook(flow_report& report, const nlohmann::json& value,
                      const nlohmann::json::json_pointer& at);

/// Where the signature stands, how it is written and what it is of. Gives the
/// algorithm of `public-key`.
std::optional<signature_algorithm>
read_signature(object_reader& object, const verify_circumstances& around,
               verify_rule& made);

/// The secrets, and the keys that they stand for.
void read_verify_secrets(object_reader& object, std::string_view scheme,
                         std::optional<signature_algorithm> algorithm,
                         const verify_circumstances& around, verify_rule& made);

} // namespace handoff
