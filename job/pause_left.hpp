#pragma once

#include "job/job.hpp"

#include <chrono>
#include <optional>

namespace handoff {

/// How long it is until the next attempt, which is due at `due`; at least 0,
/// and no longer than the pause was when it began, where that is known: a step
/// must not stand still for as long as the wall clock was wrong.
std::chrono::milliseconds
pause_left(wall_time due, std::optional<wall_time> begun, wall_time now);

} // namespace handoff
