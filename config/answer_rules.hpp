#pragma once

#include "config/condition.hpp"
#include "job/outcome.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace handoff {

/// One rule of `outcome`.
struct outcome_rule {
  condition when;
  ruled then = ruled::fail;
  /// A time, or where the answer has it in seconds.
  std::optional<
    std::variant<std::chrono::milliseconds, nlohmann::json::json_pointer>>
    wait;
  /// Where the answer says what an operator reads, without the values of
  /// members whose names say that they are secret.
  std::optional<nlohmann::json::json_pointer> detail;
};

using outcome_rules = std::vector<outcome_rule>;

/// Takes the first element of an array for which a condition holds, and makes
/// it the answer.
struct pick_rule {
  nlohmann::json::json_pointer from{};
  condition where;
};

/// When a wait is over: `fails` is asked first.
struct wait_conditions {
  condition until;
  std::optional<condition> fails;
};

/// What a flow says of the answers to one call.
struct answer_rules {
  outcome_rules outcome;
  std::optional<pick_rule> pick;
  std::optional<wait_conditions> wait;

  /// Whether the answer has to be parsed for them.
  bool any() const { return !outcome.empty() || pick || wait; }
};

/// Finds what `own` and, after these, the rules of the call's connection say of
/// `done`. Expressions speak of `context`; `mask` hides secrets in what people
/// read. The answer is given where `wants_answer`. Pure; never fails.
answer_reading read_answer(const answer_rules& own, const outcome_rules& shared,
                           const exchange& done,
                           const template_context& context,
                           const std::function<std::string(std::string)>& mask,
                           bool wants_answer);

/// Every expression in the rules, in no order.
std::vector<const template_expression*>
expressions_of(const answer_rules& rules);

/// The rules that `"outcome": "graphql"` stands for.
const outcome_rules& graphql_outcome();

} // namespace handoff
