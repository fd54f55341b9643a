#pragma once

#include "config/flow.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <vector>

namespace handoff {

/// What the steps of a repeated sub-action are made for, in order: an element
/// of the array each, or an array of up to `batch` of them. None where there is
/// nothing: it is missing, null or empty.
///
/// Errors are `template_failed`: it is something other than an array, or has
/// more than `max` elements.
result<std::vector<nlohmann::json>>
elements_of(const repeat_rule& rule, const template_context& context);

} // namespace handoff
