#pragma once

#include "config/check.hpp"
#include "tools/handoff/arguments.hpp"

#include <optional>
#include <string>

namespace handoff {

/// The INI of `--config-file`, or of the defaults, with its flows.
checked_configuration given_configuration(const arguments& given);

/// The flow of that name, or of that file if it ends in ".json". Null if the
/// configuration is wrong or has none; `failed` says so then, with the flows
/// that there are.
flow_ptr chosen_flow(const checked_configuration& checked,
                     const std::string& name, std::string& failed);

} // namespace handoff
