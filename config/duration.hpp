#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Reads "250ms", "9.5s", "24h", "7d": a number, perhaps with a fraction, and
/// one of the units ns, us, ms, s, min (or m), h, d; a space may stand between
/// them. Nothing for anything else, and for more than 100 years.
std::optional<std::chrono::nanoseconds>
parse_nanoseconds(std::string_view text);

/// The same in milliseconds, rounded; less than half of one is nothing, unless
/// it is zero.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "500ms", "9.5s", "2min", "24h", "7d": the largest unit that takes no more
/// than three digits after the point.
std::string format_duration(std::chrono::nanoseconds value);

/// Reads a number of bytes: "4096", "64 KiB", "1MiB", "10MB". The units B, kB
/// (or KB), MB, GB, TB count by 1000, KiB, MiB, GiB, TiB by 1024; a fraction
/// must come out as whole bytes. Nothing for anything else and above 2^53.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "1MiB", "64KiB", "1500 bytes": whole units only.
std::string format_size(std::uint64_t bytes);

} // namespace handoff
