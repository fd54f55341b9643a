#pragma once

#include "job/job.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace handoff {

/// What the failure of a sub-action does to the others.
enum class on_failure : std::uint8_t {
  /// The others go on, but for those that come after it: these are skipped.
  proceed = 1,
  /// What has not begun is skipped.
  halt = 2,
  /// What has not begun is skipped, then what had succeeded is compensated.
  compensate = 3,
};

/// What the plan of a job knows of one sub-action.
struct sub_action_rule {
  /// Indexes of the sub-actions that must have succeeded before. Acyclic.
  std::vector<std::size_t> after;
  handoff::on_failure on_failure = handoff::on_failure::proceed;
  /// Whether the flow says how to undo it.
  bool compensable = false;
  /// Whether it is made once for each element of something.
  bool is_repeated = false;
};

/// What follows from the states of a job's sub-actions. Indexes are those of
/// the rules.
struct plan_step {
  /// May begin their first attempt, in the order of the flow.
  std::vector<std::size_t> start;
  /// Can never begin any more.
  std::vector<std::size_t> skip;
  /// Their turn has come, and their elements are to be found.
  std::vector<std::size_t> expand = {};

  friend bool operator==(const plan_step&, const plan_step&) = default;
};

/// Decides which sub-actions begin and which never will. Only what was never
/// attempted is skipped: a sub-action between two attempts goes on, whatever
/// failed beside it. `rules` and `steps` have the same length.
plan_step next_step(std::span<const sub_action_rule> rules,
                    std::span<const step_record> steps);

/// What the sub-actions make of a cloned job: `running` while one is not final,
/// `succeeded` when all succeeded, `cancelled` when none failed but one was
/// cancelled, else `failed`. A job without sub-actions has succeeded.
job_status status_of(std::span<const step_record> steps);

} // namespace handoff
