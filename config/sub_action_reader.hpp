#pragma once

#include "config/flow.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <vector>

namespace handoff {

/// All sub-actions of a flow. `policy` is what the "retry" of one does not say;
/// `scope`: what all of them may refer to, besides each other.
std::vector<sub_action_template> read_sub_actions(flow_report& report,
                                                  const nlohmann::json& values,
                                                  const retry_policy& policy,
                                                  expression_scope scope);

} // namespace handoff
