#pragma once

#include "config/flow.hpp"
#include "config/flow_reader.hpp"
#include "config/request_reader.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace handoff {

/// The calls before the clone; their names go to `prepared`.
std::vector<prepare_template> read_prepare(flow_report& report,
                                           const nlohmann::json& values,
                                           name_set& prepared);

/// The clone with its probe, its poll and its compensation. `policy` is what
/// its "retry" does not say. `journaled`: see compile_flow().
clone_template read_clone(flow_report& report, const nlohmann::json& value,
                          const nlohmann::json::json_pointer& at,
                          retry_policy policy, const name_set& prepared,
                          bool journaled);

/// Why what a flow takes of its clone's answer needs a default; empty if it
/// does not.
std::string why_clone_lacks(const clone_template& made);

} // namespace handoff
