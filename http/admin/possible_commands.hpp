#pragma once

#include "config/flow.hpp"
#include "job/job.hpp"

#include <nlohmann/json.hpp>

namespace handoff {

/// What an operator may do to the job now, so that nothing is offered that
/// would be refused:
///
///     {"retry": BOOL, "retry_current": BOOL, "retry_sub_actions": [NAME],
///      "cancel": BOOL, "resolve": BOOL}
///
/// `own` is the definition that the job follows, `current` that of its flow as
/// it is now, or null. "retry_current" is whether a retry by `current` would be
/// another one.
nlohmann::json possible_commands(const job& record, const result<flow_ptr>& own,
                                 const flow_ptr& current, wall_time now);

} // namespace handoff
