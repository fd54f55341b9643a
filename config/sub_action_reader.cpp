#include "config/sub_action_reader.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/condition_reader.hpp"
#include "config/flow_compiler.hpp"
#include "config/nearest_name.hpp"
#include "config/request_reader.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;

constexpr std::size_t sub_actions_max = 100;

/// Reads how a sub-action is repeated for the elements of an array.
std::optional<repeat_rule> read_for_each(object_reader& object) {
  const auto* value = object.find("for_each");
  if (value == nullptr) {
    for (const auto key : {"max", "batch"})
      if (object.has(key))
        object.error(key, "does nothing without \"for_each\"");
    return std::nullopt;
  }
  repeat_rule made;
  made.max = static_cast<std::size_t>(
    object.integer("max", 1, elements_max).value_or(100));
  made.batch = static_cast<std::size_t>(
    object.integer("batch", 1, elements_max).value_or(0));
  auto elements = read_template(object.report(), *value, object.at("for_each"));
  if (!elements)
    return std::nullopt;
  if (elements->expressions().size() != 1 || !elements->literals()[0].empty()
      || !elements->literals()[1].empty()) {
    object.error("for_each", shown(*value)
                               + " must be one expression that gives an array, "
                                 "such as \"{{body/members}}\"");
    return std::nullopt;
  }
  if (const auto type = type_of(elements->expressions().front());
      type != value_type::any && type != value_type::list) {
    object.error(
      "for_each",
      shown(*value)
        + " gives one text or number, but an array is needed, such as "
          "{{body/members}} or {{header/X-Names | split \",\"}}");
    return std::nullopt;
  }
  made.elements = std::move(*elements);
  return made;
}

on_failure read_on_failure(object_reader& object) {
  static const std::vector<std::string_view> words{"continue", "halt",
                                                   "compensate"};
  switch (object.choice("on_failure", words).value_or(0)) {
  case 1:
    return on_failure::halt;
  case 2:
    return on_failure::compensate;
  default:
    return on_failure::proceed;
  }
}

/// Reads how a sub-action waits for what its upstream works on.
void read_wait(object_reader& object, sub_action_template& made) {
  if (!object.has("until")) {
    for (const auto key : {"fails", "every", "for", "safe_to_repeat"})
      if (object.has(key))
        object.error(key, "does nothing without \"until\"");
    return;
  }
  made.request.answers.wait = read_wait_conditions(object);
  made.wait = read_wait_times(object, wait_rules{});
  check_repeatable(object, made.request);
}

/// Reads what can be read of a sub-action without the others.
sub_action_template read_sub_action(flow_report& report, const json& value,
                                    const pointer& at, retry_policy policy) {
  object_reader object{report, value, at, "sub_action"};
  sub_action_template made;
  if (auto name = object.text("name")) {
    if (!is_flow_name(*name))
      object.error("name", shown(*object.find("name"))
                             + " is not a name of a sub-action; allowed: "
                             + std::string{flow_name_rule});
    else if (*name == "clone")
      object.error("name",
                   "\"clone\" is what the clone itself is called, in its "
                   "Idempotency-Key for one; allowed: any other name");
    made.name = std::move(*name);
  }
  if (const auto* request = object.find("request")) {
    made.request = read_request(report, *request, object.at("request"));
    made.request.answers = read_answers(object, made.request);
  }
  read_wait(object, made);
  made.for_each = read_for_each(object);
  made.rule.is_repeated = made.for_each.has_value();
  if (const auto* when = object.find("when"))
    made.when = read_condition(report, *when, object.at("when"),
                               condition_place::request);
  policy.retry_on = sub_action_retry_on();
  made.retry = read_retry(object, std::move(policy));
  made.rule.on_failure = read_on_failure(object);
  made.compensate = read_compensation(object);
  made.rule.compensable = made.compensate.has_value();
  return made;
}

/// Resolves the names in `after`.
void read_after(flow_report& report, const json& value, std::size_t index,
                std::vector<sub_action_template>& all) {
  const auto at = pointer{"/sub_actions"} / index / "after";
  if (!value.is_object() || !value.contains("after"))
    return;
  const auto& names = value.at("after");
  if (!names.is_array()) {
    report.error(at,
                 "must be an array of the names of other sub-actions, but is "
                   + described(names));
    return;
  }
  std::vector<std::string_view> known;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (i != index)
      known.push_back(all[i].name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = read_text(report, names[i], at / i);
    if (!name)
      continue;
    const auto it = std::find_if(all.begin(), all.end(), [&](const auto& sub) {
      return sub.name == *name;
    });
    const auto found = static_cast<std::size_t>(it - all.begin());
    auto& after = all[index].rule.after;
    if (it == all.end())
      report.error(at / i, shown(names[i]) + " names no sub-action"
                             + did_you_mean(*name, known)
                             + (known.empty() ? ", there is no other"
                                              : "; allowed: " + one_of(known)));
    else if (found == index)
      report.error(at / i, shown(names[i])
                             + " is the sub-action itself; allowed: others");
    else if (std::find(after.begin(), after.end(), found) != after.end())
      report.error(at / i, shown(names[i]) + " appears twice");
    else
      after.push_back(found);
  }
}

/// Whether an element of the sub-action `of` may be called `name`.
bool is_element_name(std::string_view name, std::string_view of) {
  return name.size() > of.size() + 1 && name.starts_with(of)
      && name[of.size()] == '.'
      && name.find_first_not_of("0123456789", of.size() + 1)
           == std::string_view::npos;
}

void check_names(flow_report& report,
                 const std::vector<sub_action_template>& all) {
  name_set seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& name = all[i].name;
    if (!name.empty() && !seen.insert(name).second)
      report.error(pointer{"/sub_actions"} / i / "name",
                   in_quotes(name)
                     + " is the name of another sub-action too: each needs a "
                       "name of its own");
    for (const auto& each : all)
      if (each.for_each && is_element_name(name, each.name))
        report.error(pointer{"/sub_actions"} / i / "name",
                     in_quotes(name) + " is what an element of "
                       + in_quotes(each.name)
                       + " is called; allowed: any other name");
  }
}

/// The answer of a step that may be skipped is not always there: an expression
/// on it needs a default, or a step that is skipped with it.
void check_wanted(flow_report& report, const pointer& at, const json& values,
                  std::size_t index,
                  const std::vector<sub_action_template>& all) {
  const auto when_of = [&](std::size_t step) {
    const auto& value = values[step];
    return value.is_object() ? value.value("when", json()) : json();
  };
  const auto check = [&](const pointer& where,
                         const template_expression& used) {
    const bool is_of_step =
      used.source == source_kind::sub || used.source == source_kind::sub_header;
    if (!is_of_step || used.fallback)
      return;
    for (std::size_t other = 0; other < all.size(); ++other)
      if (all[other].name == used.name && all[other].when && other != index
          && when_of(other) != when_of(index))
        report.error(where, used.text + " has no value where the \"when\" of "
                              + in_quotes(used.name)
                              + " does not hold, it needs a default, or this "
                                "sub-action the same \"when\"");
  };
  for (const auto* each : expressions_of(all[index].request))
    check(at / "request", *each);
  if (all[index].compensate)
    for (const auto* each : expressions_of(*all[index].compensate))
      check(at / "compensate", *each);
}

void check_sub_action_expressions(flow_report& report, const json& values,
                                  const std::vector<sub_action_template>& all,
                                  expression_scope scope) {
  const auto before = check_order(report, all);
  const auto of_flow = scope.sources;
  for (const auto& sub : all)
    scope.all_subs.insert(sub.name);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto at = pointer{"/sub_actions"} / i;
    scope.subs = before[i];
    scope.sources = of_flow;
    if (all[i].when)
      check_condition(report, at / "when", *all[i].when, scope);
    if (all[i].for_each) {
      check_expressions(report, at / "for_each", all[i].for_each->elements,
                        scope);
      scope.sources.push_back(source_kind::item);
      scope.sources.push_back(source_kind::index);
    }
    check_request(report, at / "request", at, all[i].request, scope);
    check_wanted(report, at, values, i, all);
    if (all[i].compensate) {
      // It runs only if the sub-action itself has succeeded.
      scope.subs.insert(all[i].name);
      check_request(report, at / "compensate", at / "compensate",
                    *all[i].compensate, scope);
    }
  }
}

} // namespace

std::vector<sub_action_template> read_sub_actions(flow_report& report,
                                                  const json& values,
                                                  const retry_policy& policy,
                                                  expression_scope scope) {
  const pointer at{"/sub_actions"};
  if (!values.is_array()) {
    report.error(at, "must be an array of sub-actions, but is "
                       + described(values));
    return {};
  }
  if (values.size() > sub_actions_max) {
    report.error(at, std::to_string(values.size())
                       + " are too many sub-actions; allowed: "
                       + std::to_string(sub_actions_max));
    return {};
  }
  std::vector<sub_action_template> all;
  for (std::size_t i = 0; i < values.size(); ++i)
    all.push_back(read_sub_action(report, values[i], at / i, policy));
  check_names(report, all);
  for (std::size_t i = 0; i < values.size(); ++i)
    read_after(report, values[i], i, all);
  check_sub_action_expressions(report, values, all, std::move(scope));
  return all;
}

} // namespace handoff
