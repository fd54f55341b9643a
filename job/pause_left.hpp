#pragma once

#include "job/job.hpp"

#include <chrono>
#include <vector>

namespace handoff {

/// How long it is until the next attempt, which is due at `due`; at least 0,
/// and no longer than from the end of the last of `attempts`: where the wall
/// clock was set back over a restart, a step must not stand still until then.
std::chrono::milliseconds
pause_left(wall_time due, const std::vector<attempt>& attempts, wall_time now);

} // namespace handoff
