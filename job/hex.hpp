#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// What a hex digit of either case stands for; -1 for anything else.
int hex_value(char digit) noexcept;

/// Lower-case hex digits (RFC 4648, section 8), two per byte.
std::string encode_hex(std::string_view bytes);

/// The bytes that hex digits of either case stand for. None if `text` has an
/// odd length or anything else in it.
std::optional<std::string> decode_hex(std::string_view text);

} // namespace handoff
