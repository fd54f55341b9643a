#pragma once

#include "job/job.hpp"

#include <string>

namespace handoff {

/// A point in time as text, in UTC to the millisecond (RFC 3339).
std::string timestamp(wall_time when);

} // namespace handoff
