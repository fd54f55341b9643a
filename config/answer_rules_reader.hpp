#pragma once

#include "config/answer_rules.hpp"
#include "config/flow_check.hpp"
#include "config/flow_reader.hpp"

namespace handoff {

/// Most rules in one `outcome`.
inline constexpr std::size_t outcome_rules_max = 50;

/// Reads an `outcome`: the name of a shipped set, or rules. What is wrong goes
/// to the report.
outcome_rules read_outcome(flow_report& report, const nlohmann::json& value,
                           const nlohmann::json::json_pointer& at);

/// The rules that `"outcome": "graphql"` stands for, as a flow would write
/// them.
const nlohmann::json& graphql_definition();

/// Writes the rules of shipped sets in place of their names, in `definition` of
/// a flow. What is data of its author is not looked into.
void expand_outcomes(nlohmann::json& definition);

/// Reads the `outcome` of `object`; no rules if it has none.
outcome_rules read_outcome(object_reader& object);

/// Reads the `pick` of `object`, if it has one.
std::optional<pick_rule> read_pick(object_reader& object);

/// Reads `until` and `fails` of `object`; nothing without `until`.
std::optional<wait_conditions> read_wait_conditions(object_reader& object);

/// Reports every expression of `rules`, which stand in the object at `at`, that
/// `scope` does not allow.
void check_answer_rules(flow_report& report,
                        const nlohmann::json::json_pointer& at,
                        const answer_rules& rules,
                        const expression_scope& scope);

} // namespace handoff
