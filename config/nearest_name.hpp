#pragma once

#include <span>
#include <string>
#include <string_view>

namespace handoff {

/// The one of `known` that `name` is a likely slip of: at most a third of its
/// letters (and always two) differ by insertion, removal, exchange or a swap of
/// neighbours, whatever the case; or it is the beginning of one. Empty if there
/// is none.
std::string_view nearest_name(std::string_view name,
                              std::span<const std::string_view> known);

/// " (did you mean NAME?)", or nothing.
std::string did_you_mean(std::string_view name,
                         std::span<const std::string_view> known);

} // namespace handoff
