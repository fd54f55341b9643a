#pragma once

#include "job/latency.hpp"

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>

namespace handoff {

/// What one upstream host gives clones at this moment.
struct clone_room {
  std::size_t under_way = 0; ///< calls of clones
  /// Calls of clones that may be under way at once: what sub-actions do not
  /// take up now. >= 1.
  std::size_t slots = std::numeric_limits<std::size_t>::max();
  double rate = 0; ///< calls started a second; 0 is no limit
  /// Until it wants to be called again: it said "not now".
  std::chrono::microseconds pause{0};
};

/// Clones in a row that may go before a waiting sub-action.
inline constexpr int clones_in_a_row_max = 8;

/// How long a clone would wait for its turn at its host, behind `ahead` others
/// that wait or are under way and take `mean` each on average; of nine turns,
/// one is taken for a sub-action's. Not before its pause is over. Zero unless
/// there is a pause or a queue: where a call is free, there is nothing to
/// foresee, however slow it may be. A queue of unknown speed counts for
/// nothing, either.
std::chrono::microseconds
foreseen_turn(const clone_room& room, std::size_t ahead,
              std::optional<std::chrono::microseconds> mean);

/// The longest `Retry-After` of a refusal: a forecast that reaches further is
/// worth nothing.
inline constexpr std::chrono::seconds retry_after_max{60};

/// Whether a webhook is refused because its clone can hardly be done in the
/// time that its sender waits, `budget`; then, after how long it may be tried
/// again: when the queue will have become short enough, at least 1 s and at
/// most `retry_after_max`. Nothing: it is taken, as always when there is no
/// queue. `own` is the latency of clones of its flow.
std::optional<std::chrono::seconds>
refused_for(std::chrono::microseconds budget, std::chrono::microseconds turn,
            const latency_estimate& own);

/// Whether an attempt that is sent after `wait` may be answered within
/// `budget`: it is rarely faster than `own` says. Where nothing is known of
/// that, the wait alone decides.
bool fits(std::chrono::microseconds budget, std::chrono::microseconds wait,
          const latency_estimate& own);

} // namespace handoff
