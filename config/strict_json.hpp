#pragma once

#include "config/problem.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace handoff {

/// Parses JSON with `//` and `/* */` comments (but no trailing commas). Refuses
/// what the parser would let pass: a key that stands twice in one object, and
/// values nested deeper than `depth_max`. `file` goes into the problem, with
/// line and column.
std::variant<nlohmann::json, problem> parse_strict_json(const std::string& file,
                                                        std::string_view text,
                                                        std::size_t depth_max);

} // namespace handoff
