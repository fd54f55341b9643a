#pragma once

#include <string>

namespace handoff {

/// The value of the parameter that the option `option` ("status", "since" …)
/// of a command that lists or chooses jobs sets; `failed` says what is wrong
/// with `text`, where something is.
std::string filter_value(const std::string& option, const std::string& text,
                         std::string& failed);

} // namespace handoff
