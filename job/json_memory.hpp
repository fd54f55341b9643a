#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>

namespace handoff {

/// About how many bytes of memory a JSON value takes, with the allocator's own:
/// what it is counted as where memory is bounded. Within some 25 % of what
/// jemalloc gives on a 64-bit machine. As deep as the value is.
std::size_t memory_of(const nlohmann::json& value);

} // namespace handoff
