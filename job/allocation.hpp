#pragma once

#include <bit>
#include <cstddef>

namespace handoff {

/// What an allocation of so many bytes takes up: allocators have four sizes
/// between a power of two and the next (jemalloc's size classes), and what is
/// left over may be memory that was used before.
constexpr std::size_t allocated_for(std::size_t bytes) noexcept {
  constexpr std::size_t least = 64;
  if (bytes <= least)
    return least;
  const auto step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

} // namespace handoff
