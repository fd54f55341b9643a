#pragma once

#include "job/error.hpp"
#include "job/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace handoff {

/// What an answer says about what is waited for (`until`, `fails`).
enum class sight : std::uint8_t {
  not_yet, ///< neither holds
  done,    ///< `until` holds
  failed,  ///< `fails` holds
};

/// How a step or a clone waits for something that its upstream is working on.
struct wait_rules {
  /// Between two looks.
  std::chrono::milliseconds every{2000}; ///< 1 ms..1 h
  /// From the first look that found it not done.
  std::chrono::milliseconds limit{600'000}; ///< 1 ms..30 d
};

/// What follows a look that found it not done: another one after `pause`, or
/// nothing, where the wait is over.
struct wait_step {
  std::optional<std::chrono::milliseconds> pause;
};

/// The pause before the next look is `every` or what the upstream asked for,
/// whichever is longer. The last look comes when the wait ends; one that the
/// upstream would not have before that is not made at all.
wait_step after_look(const wait_rules& rules, wall_time ends, wall_time now,
                     std::optional<std::chrono::milliseconds> retry_after);

/// The pause before the first look after a start: spread over `every`, so that
/// those who waited when the process stopped do not come back at once, and no
/// later than the end of the wait.
std::chrono::milliseconds after_restart(const wait_rules& rules, wall_time ends,
                                        wall_time now, double random);

/// Why a wait ended that was not over in time. `status`: the last answer's.
error wait_timed_out(const wait_rules& rules, int status);

} // namespace handoff
