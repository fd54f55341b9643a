#pragma once

#include "tools/handoff/arguments.hpp"

namespace handoff {

/// `handoff simulate [FLOW] --jobs=N`: the whole service, many webhooks.
/// Gives the exit code.
int rehearse_command(const arguments& given);

} // namespace handoff
