#pragma once

#include "job/job.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace handoff {

/// A date and time of RFC 3339, section 5.6, with any offset, since 1970; years
/// 0000 to 9999. Digits after the millisecond are dropped. None if it is not
/// that.
std::optional<std::chrono::milliseconds> parse_rfc3339(std::string_view text);

/// The time that long after 1970. The clock counts in nanoseconds, which reach
/// from 1677 to 2262: what lies beyond becomes the nearest time within.
wall_time wall_time_at(std::chrono::milliseconds since_1970);

} // namespace handoff
