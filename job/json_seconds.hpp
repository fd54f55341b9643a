#pragma once

#include <nlohmann/json.hpp>

#include <optional>

namespace handoff {

/// A number of seconds, also one that is written as a text; none if `value` is
/// null, is something else, or is negative or not finite.
std::optional<double> seconds_in(const nlohmann::json* value);

} // namespace handoff
