#pragma once

#include "actors/messages.hpp"
#include "job/command.hpp"
#include "job/follow_up.hpp"

namespace handoff {

/// What `decide` needs to know of the flows for this order. `own` is the
/// definition of the job that its owner has; null: there is none.
result<command_flow> command_flow_of(const job_order& order,
                                     const flow_ptr& own);

/// What the steps of this record follow from this definition; of a null one,
/// nothing does.
follow_up_rules follow_up_rules_of(const job& record, const flow_ptr& flow);

} // namespace handoff
