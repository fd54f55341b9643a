#include "actors/commands.hpp"

#include "config/request_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace handoff {
namespace {

std::vector<std::string> names_of(const flow& definition) {
  std::vector<std::string> names;
  for (const auto& each : definition.sub_actions)
    names.push_back(each.name);
  return names;
}

/// The sub-actions that the two make other elements of.
std::vector<std::string> regrouped(const flow& own, const flow& current) {
  const auto elements = [](const sub_action_template* of) {
    return of != nullptr && of->for_each ? std::optional{std::pair{
             of->for_each->elements.expressions().front().text,
             of->for_each->batch}}
                                         : std::nullopt;
  };
  std::vector<std::string> names;
  for (const auto& each : own.sub_actions)
    if (each.for_each
        && elements(&each) != elements(find_sub_action(current, each.name)))
      names.push_back(each.name);
  return names;
}

/// An expression of a sub-action that will surely run, on what the clone
/// answered, without a default; empty: there is none.
std::string needed_of_answer(const flow& definition) {
  for (const auto& each : definition.sub_actions) {
    if (each.when)
      continue;
    auto used = expressions_of(each.request);
    if (each.for_each)
      used.push_back(&each.for_each->elements.expressions().front());
    for (const auto* expression : used)
      if (expression->source == template_expression::source_kind::clone
          && !expression->fallback)
        return expression->text;
  }
  return {};
}

} // namespace

result<command_flow> command_flow_of(const job_order& order,
                                     const flow_ptr& own) {
  const auto& followed = order.current ? order.current : own;
  if (!followed) {
    const auto* why = std::get_if<error>(&order.definition);
    return error{error_kind::conflict,
                 "the job's flow cannot be used"
                   + (why != nullptr ? ": " + why->detail : std::string{})};
  }
  command_flow known;
  known.sub_actions = names_of(*followed);
  for (const auto& each : followed->sub_actions)
    known.rules.push_back(each.rule);
  if (followed->clone.poll)
    known.poll_limit = followed->clone.poll->times.limit;
  known.needs_answer = needed_of_answer(*followed);
  if (order.current && own)
    known.regrouped = regrouped(*own, *order.current);
  if (order.current)
    known.change =
      definition_changed{order.current->version,
                         {order.current, &order.current->definition},
                         known.sub_actions};
  return known;
}

follow_up_rules follow_up_rules_of(const job& record, const flow_ptr& flow) {
  follow_up_rules rules;
  // What the definition does not have is over, and nothing comes after it.
  rules.sub_actions.resize(record.sub_actions.size());
  if (!flow)
    return rules;
  const auto known =
    std::min(record.sub_actions.size(), flow->sub_actions.size());
  for (std::size_t at = 0; at < known; ++at)
    rules.sub_actions[at] = flow->sub_actions[at].rule;
  // An element has its own undoing; that it failed counts with the whole.
  for (std::size_t at = known; at < record.sub_actions.size(); ++at)
    if (const auto* whole = find_sub_action(*flow, record.sub_actions[at].of))
      rules.sub_actions[at].compensable = whole->rule.compensable;
  rules.clone_compensable = flow->clone.compensate.has_value();
  if (const auto& callback = flow->callback) {
    rules.tells_cloned = callback->on_cloned;
    rules.tells_succeeded = callback->on_succeeded;
    rules.tells_failed = callback->on_failed;
  }
  return rules;
}

} // namespace handoff
