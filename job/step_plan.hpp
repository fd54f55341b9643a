#pragma once

#include "job/event.hpp"
#include "job/verdict.hpp"
#include "job/wait.hpp"

#include <chrono>
#include <optional>
#include <variant>

namespace handoff {

/// An attempt of a step that ended, and what was found out about it.
struct step_result {
  step_ref step;
  /// With all that is known of its end but `failure`, `counted` and `ended`.
  attempt made;
  sub_action_verdict verdict;
  /// What the upstream asked to wait.
  std::optional<std::chrono::milliseconds> retry_after = {};
};

/// What an attempt that ended makes of its step: succeeded, another attempt
/// after the backoff of `policy`, failed, or, where somebody wants the job
/// cancelled, cancelled. `random` is in [0, 1). Of a step that waits for what
/// its upstream works on, by `wait`, no attempt is made after the end of that.
step_ended after_attempt(const job& record, step_result result,
                         const retry_policy& policy, double random,
                         wall_time now,
                         const std::optional<wait_rules>& wait = {});

/// What follows an attempt of a step that waits for what its upstream works on,
/// and that found it not there yet: the wait begins, or goes on for a while,
/// which is not journaled, or has failed. With its job cancelled, it is.
std::variant<step_ended, wait_begun, std::chrono::milliseconds>
after_wait(const job& record, step_result result, const wait_rules& rules,
           wall_time now);

/// What becomes of a step whose attempt this side cut short, for `why`: it is
/// made again after `pause`, and nothing is counted.
step_ended after_cut_short(const job& record, step_ref step, attempt made,
                           error why, std::chrono::milliseconds pause,
                           wall_time now);

} // namespace handoff
