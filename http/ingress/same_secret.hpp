#pragma once

#include <string_view>

namespace handoff {

/// Whether two texts, one of them a secret or a signature, are the same. The
/// time it takes tells neither where they differ nor how long the other one is:
/// their SHA-256 digests are compared, all bytes of them. False for everything
/// if no digest can be made. The one comparison for whatever must not be
/// guessed byte by byte.
bool same_secret(std::string_view left, std::string_view right) noexcept;

} // namespace handoff
