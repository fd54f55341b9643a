#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Base64 with its padding (RFC 4648, section 4).
std::string encode_base64(std::string_view bytes);

/// The bytes that `text` stands for. None if it is anything but what
/// encode_base64() writes: other characters, missing padding, bits set that no
/// byte has (RFC 4648, section 3.5). So no two texts stand for the same bytes.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace handoff
