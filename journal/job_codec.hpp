#pragma once

#include "job/event.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace handoff {

/// Appends `event`, but for the job that it belongs to, to `out` as one CBOR
/// array: a number for its kind, its time, and its fields by position. The
/// format is append-only: a kind's number is never given to another, and a
/// new field goes to the end, where who reads an older event misses it.
void encode(const job_event& event, std::vector<std::uint8_t>& out);

/// Puts what makes one item of `count` events before them.
std::vector<std::uint8_t> wrap(std::size_t count,
                               std::span<const std::uint8_t> events);

/// The events that `wrap` put together, as events of the job with this id and
/// flow. Throws `nlohmann::json::exception` or `std::range_error` for what is
/// no such item.
std::vector<job_event> decode(std::span<const std::uint8_t> bytes,
                              const std::string& id, const std::string& flow);

} // namespace handoff
