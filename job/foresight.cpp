#include "job/foresight.hpp"

#include <algorithm>

namespace handoff {

using std::chrono::microseconds;
using std::chrono::seconds;

namespace {

/// Turns that it takes to start a clone.
constexpr double turns_a_clone =
  (clones_in_a_row_max + 1.0) / clones_in_a_row_max;

/// Long enough for "never" and far from any overflow.
constexpr double forecast_seconds_max = 86'400;

microseconds from_turns(double seconds_of_clones) {
  return std::chrono::duration_cast<microseconds>(std::chrono::duration<double>{
    std::min(seconds_of_clones * turns_a_clone, forecast_seconds_max)});
}

} // namespace

microseconds foreseen_turn(const clone_room& room, std::size_t ahead,
                           std::optional<microseconds> mean) {
  const auto slots = std::max<std::size_t>(1, room.slots);
  auto turn = microseconds{0};
  if (ahead >= slots && mean) {
    // Of `slots` calls at once, one ends every `mean / slots`.
    const auto ends = static_cast<double>(ahead - slots + 1);
    turn = from_turns(ends * std::chrono::duration<double>{*mean}.count()
                      / static_cast<double>(slots));
  }
  if (room.rate > 0 && ahead > room.under_way) {
    const auto waiting = static_cast<double>(ahead - room.under_way);
    turn = std::max(turn, from_turns(waiting / room.rate));
  }
  return std::max(turn, room.pause);
}

std::optional<seconds> refused_for(microseconds budget, microseconds turn,
                                   const latency_estimate& own) {
  if (turn == microseconds{0} || fits(budget, turn, own))
    return std::nullopt;
  const auto over = std::chrono::ceil<seconds>(turn + own.at_least() - budget);
  // Its latency alone may be more than the budget; then it is the queue that
  // has to go.
  return std::clamp(std::min(over, std::chrono::ceil<seconds>(turn)),
                    seconds{1}, retry_after_max);
}

bool fits(microseconds budget, microseconds wait, const latency_estimate& own) {
  return wait + own.at_least() <= budget;
}

} // namespace handoff
