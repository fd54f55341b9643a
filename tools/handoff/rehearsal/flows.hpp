#pragma once

#include "config/flow.hpp"
#include "config/settings.hpp"

#include <vector>

namespace handoff::rehearsal {

/// Flows that use what the language has, for who has none of his own: clones
/// that are sent once, looked for, asked for or repeated; sub-actions that
/// halt, undo, wait, are chosen and repeated; callbacks. In two editions, in
/// the second of which each has other sub-actions.
std::vector<std::vector<flow_ptr>> own_flows(const settings& from);

} // namespace handoff::rehearsal
