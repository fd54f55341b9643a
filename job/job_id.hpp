#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace handoff {

/// The random part of a job id.
using job_id_entropy = std::array<std::uint8_t, 10>;

/// A job id: 26 characters of Crockford's base 32, 48 bits of milliseconds
/// since 1970 and then 80 bits of entropy, laid out as a ULID. Ids sort by
/// time, to the millisecond; within one they are in no order, because an id
/// that can be counted up from its neighbour can be guessed.
std::string job_id_from(std::chrono::system_clock::time_point now,
                        const job_id_entropy& entropy);

/// The same with 80 bits from the operating system (getrandom(2)).
std::string make_job_id(std::chrono::system_clock::time_point now);

/// Whether `text` has the form of a job id.
bool is_job_id(std::string_view text) noexcept;

/// When the job with this id was admitted, to the millisecond. The epoch when
/// `id` is no job id.
std::chrono::system_clock::time_point time_of(std::string_view id) noexcept;

} // namespace handoff
