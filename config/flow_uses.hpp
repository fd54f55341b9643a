#pragma once

#include "config/flow.hpp"

namespace handoff {

/// Fills in what the expressions of `made` refer to: the headers and query
/// parameters, and the answers that have to be kept for them.
void note_uses(flow& made);

} // namespace handoff
