#pragma once

#include "job/event.hpp"
#include "job/plan.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// What a compensation of the clone is called; those of sub-actions are called
/// as these are.
inline constexpr std::string_view clone_name = "clone";

/// What a flow says of what follows the steps of a job.
struct follow_up_rules {
  /// Of the job's sub-actions, in their order.
  std::vector<sub_action_rule> sub_actions;
  bool clone_compensable = false;
  bool tells_cloned = false; ///< by a callback, as the other two
  bool tells_succeeded = false;
  bool tells_failed = false;
};

/// What the record of a cloned job calls for without any attempt, to be done
/// together: steps that are cancelled or skipped, compensations, the job's end,
/// and callbacks that tell of it. Empty once nothing is due; what is given may
/// make more due. A function of the record and the flow alone.
std::vector<job_change> changes_due(const job& record,
                                    const follow_up_rules& rules);

/// The compensations that a job needs now, by name, in the order in which they
/// are made: what succeeded last is undone first, the clone last (sagas:
/// Garcia-Molina and Salem, 1987). None while a sub-action is not final; none
/// unless one failed whose rule is `compensate`; none if somebody cancelled the
/// job, or if it has compensations already.
std::vector<std::string> compensations_due(const job& record,
                                           const follow_up_rules& rules);

/// What adds the callback that tells of `event` ("cloned", "succeeded" or
/// "failed"), numbered where the job has told of it before.
steps_added callback_of(const job& record, std::string_view event);

/// The event that a callback of this name tells of: the name without a number.
std::string_view event_of(std::string_view callback);

/// Where steps are made one at a time: the index of the one whose turn it is,
/// for its first attempt or its next. None while one is under way.
std::optional<std::size_t> next_in_turn(std::span<const step_record> steps);

/// What a cloned job is now: as its sub-actions say (`status_of`), but
/// `running` until its compensations are final too. Callbacks do not count.
job_status outcome_of(const job& record);

} // namespace handoff
