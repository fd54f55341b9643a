#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// What completes commands and options in "bash", "zsh" or "fish", made from
/// the table of commands; none for another shell.
std::optional<std::string> completion_for(std::string_view shell);

} // namespace handoff
