#include "config/answer_rules.hpp"

#include "job/excerpt.hpp"
#include "job/json_reader.hpp"
#include "job/json_seconds.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr double longest_wait_s = 30.0 * 24 * 3600;

bool is_success(int status) {
  return status >= 200 && status < 300;
}

/// A number of seconds, or a text that is one.
std::optional<milliseconds> seconds_of(const json* value) {
  const auto seconds = seconds_in(value);
  if (!seconds)
    return std::nullopt;
  return milliseconds{
    std::llround(std::ceil(std::min(*seconds, longest_wait_s) * 1000))};
}

std::optional<milliseconds> wait_of(const outcome_rule& rule,
                                    const json* answer) {
  if (!rule.wait)
    return std::nullopt;
  if (const auto* fixed = std::get_if<milliseconds>(&*rule.wait))
    return *fixed;
  if (answer == nullptr)
    return std::nullopt;
  return seconds_of(find_at(*answer, std::get<json::json_pointer>(*rule.wait)));
}

std::string detail_of(const outcome_rule& rule, const json* answer,
                      const std::function<std::string(std::string)>& mask) {
  const auto* found =
    rule.detail && answer != nullptr ? find_at(*answer, *rule.detail) : nullptr;
  if (found == nullptr || found->is_null())
    return {};
  auto text =
    found->is_string() ? found->get<std::string>() : json_text(*found);
  return cut_text(masked_answer(mask(std::move(text))), detail_bytes_max);
}

/// The first element for which the condition holds; null if there is none.
const json* picked(const pick_rule& rule, const json& answer,
                   const template_context& context) {
  const auto* array = find_at(answer, rule.from);
  if (array == nullptr || !array->is_array())
    return nullptr;
  condition_view view;
  view.context = &context;
  const auto found =
    std::find_if(array->begin(), array->end(), [&](const json& element) {
      view.answer = &element;
      return holds(rule.where, view);
    });
  return found == array->end() ? nullptr : &*found;
}

sight seen_in(const wait_conditions& wait, const condition_view& view) {
  if (wait.fails && holds(*wait.fails, view))
    return sight::failed;
  return holds(wait.until, view) ? sight::done : sight::not_yet;
}

} // namespace

answer_reading read_answer(const answer_rules& own, const outcome_rules& shared,
                           const exchange& done,
                           const template_context& context,
                           const std::function<std::string(std::string)>& mask,
                           bool wants_answer) {
  answer_reading made;
  if (done.failure || (!own.any() && shared.empty() && !wants_answer))
    return made;
  auto read = parse_answer(done.body);
  auto* const parsed = std::get_if<json>(&read);
  const json* answer = parsed;
  condition_view view{answer, &done.headers, done.status, &context};
  for (const auto* rules : {&own.outcome, &shared}) {
    const auto rule =
      std::find_if(rules->begin(), rules->end(),
                   [&](const auto& each) { return holds(each.when, view); });
    if (rule != rules->end()) {
      made.rule = ruling{rule->then, wait_of(*rule, answer),
                         detail_of(*rule, answer, mask)};
      break;
    }
  }
  const bool is_good =
    made.rule ? made.rule->then == ruled::succeed : is_success(done.status);
  if (const auto* problem = std::get_if<json_problem>(&read)) {
    made.unreadable =
      error{error_kind::answer_malformed, "the answer " + to_string(*problem)};
    // No rule can have seen what it was meant for.
    made.over_limits = problem->fault != json_fault::syntax;
  }
  if (own.pick && is_good) {
    answer = answer != nullptr ? picked(*own.pick, *answer, context) : nullptr;
    if (answer == nullptr)
      made.unreadable =
        error{error_kind::nothing_picked,
              "the answer has no element at "
                + (own.pick->from.empty() ? std::string{"its top"}
                                          : own.pick->from.to_string())
                + " for which \"pick\" holds"};
    view.answer = answer;
  }
  if (own.wait && is_good)
    made.seen = seen_in(*own.wait, view);
  if (answer != nullptr && answer == parsed)
    made.answer = std::move(*parsed);
  else if (answer != nullptr)
    made.answer = *answer;
  return made;
}

std::vector<const template_expression*>
expressions_of(const answer_rules& rules) {
  std::vector<const template_expression*> found;
  const auto add = [&](const condition& asked) {
    const auto more = expressions_of(asked);
    found.insert(found.end(), more.begin(), more.end());
  };
  for (const auto& each : rules.outcome)
    add(each.when);
  if (rules.pick)
    add(rules.pick->where);
  if (rules.wait) {
    add(rules.wait->until);
    if (rules.wait->fails)
      add(*rules.wait->fails);
  }
  return found;
}

} // namespace handoff
