#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace handoff {

/// Reads "2026-11-22T18:00:00Z" (RFC 3339) or a number of seconds since 1970.
/// What is before 1970 becomes 1970.
std::optional<std::chrono::system_clock::time_point>
read_time(const std::string& text);

/// Reads how many are asked for, from 1 to 1000.
std::optional<std::size_t> read_limit(const std::string& text);

} // namespace handoff
