#pragma once

#include <nlohmann/json.hpp>

#include <compare>

namespace handoff {

/// How two JSON numbers stand to each other, by value: 1 and 1.0 are equal, and
/// an integer is never rounded to be compared with a fraction. Unordered if one
/// of them is no number.
std::partial_ordering compare_numbers(const nlohmann::json& left,
                                      const nlohmann::json& right) noexcept;

/// Whether two JSON values are the same: of one type and equal, numbers by
/// value, arrays element by element, objects member by member in any order.
bool same_value(const nlohmann::json& left, const nlohmann::json& right);

} // namespace handoff
