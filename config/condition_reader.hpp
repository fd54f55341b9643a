#pragma once

#include "config/condition.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace handoff {

/// What a condition may be about.
enum class condition_place {
  /// An answer of an upstream: everything.
  answer,
  /// An element of an answer: neither its header nor its status.
  element,
  /// A webhook, or what is known of a job: there is no answer, so that `value`
  /// alone is allowed beside `all`, `any` and `not`.
  request,
};

/// Reads the condition that stands at `at`. What is wrong goes to the report,
/// and nothing is returned if anything is.
std::optional<condition> read_condition(flow_report& report,
                                        const nlohmann::json& value,
                                        const nlohmann::json::json_pointer& at,
                                        condition_place place);

/// Reports every expression in `asked`, which was read at `at`, that `scope`
/// does not allow.
void check_condition(flow_report& report,
                     const nlohmann::json::json_pointer& at,
                     const condition& asked, const expression_scope& scope);

} // namespace handoff
