#pragma once

#include "config/flow.hpp"
#include "config/flow_reader.hpp"

// What a flow may say, but will probably regret.

namespace handoff {

/// Warns where an answer that says "done" would have the clone made again.
void warn_of_repeated_clone(object_reader& object, const clone_template& made);

/// Warns where the Content-Type of a request says something else than what it
/// sends.
void warn_of_content(object_reader& object, const request_template& made);

/// Warns of what can be seen of a whole flow.
void warn_of_flow(flow_report& report, const flow& made);

} // namespace handoff
