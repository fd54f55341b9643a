#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace handoff {

/// Parses a body that has to be JSON (RFC 8259) in UTF-8, at most 100 levels
/// deep and of at most 100,000 values. Error `invalid_request` says what is
/// wrong and where.
result<nlohmann::json> parse_json_body(std::string_view body);

} // namespace handoff
