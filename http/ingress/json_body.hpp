#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string_view>

namespace handoff {

/// How deep arrays and objects may stand in each other.
inline constexpr std::size_t json_depth_max = 100;

/// Parses a body that has to be JSON (RFC 8259) in UTF-8, at most
/// `json_depth_max` deep. Error `invalid_request` says what is wrong and where.
result<nlohmann::json> parse_json_body(std::string_view body);

} // namespace handoff
