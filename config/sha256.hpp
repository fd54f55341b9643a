#pragma once

#include <string>
#include <string_view>

namespace handoff {

/// The SHA-256 of `text` (FIPS 180-4) in lower-case hex digits.
std::string sha256_hex(std::string_view text);

} // namespace handoff
