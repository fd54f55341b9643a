#pragma once

#include "job/error.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/exit_codes.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace handoff {

/// What the service would have said (RFC 9457), of what it has not.
nlohmann::json problem_of(const error& why);

/// Says why a command ends with `code`: on standard error, with where to read
/// more after a wrong use, and with `--json` among its words as a problem on
/// standard output too. Gives `code`.
int complain(std::string_view command, const command_words& words,
             const error& why, exit_code code);

} // namespace handoff
