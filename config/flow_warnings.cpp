#include "config/flow_warnings.hpp"

#include "config/request_reader.hpp"
#include "job/webhook.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;

void warn_of_idle_compensation(flow_report& report, const flow& made) {
  const auto& subs = made.sub_actions;
  const bool any = made.clone.compensate
                || std::any_of(subs.begin(), subs.end(), [](const auto& sub) {
                     return sub.compensate.has_value();
                   });
  for (std::size_t i = 0; i < subs.size() && !any; ++i)
    if (subs[i].rule.on_failure == on_failure::compensate)
      report.warning(pointer{"/sub_actions"} / i / "on_failure",
                     "\"compensate\" has nothing to do, no request of this "
                     "flow has a \"compensate\"");
}

/// Whether the condition may hold for an answer with a 2xx, as far as what it
/// says of the status tells.
bool may_take_success(const condition& asked) {
  const auto& ranges = asked.statuses;
  const auto takes = [](const condition::status_range& range) {
    return range.first < 300 && range.last >= 200;
  };
  if (!ranges.empty() && std::none_of(ranges.begin(), ranges.end(), takes))
    return false;
  if (!std::all_of(asked.all.begin(), asked.all.end(), may_take_success))
    return false;
  if (!asked.any.empty()
      && std::none_of(asked.any.begin(), asked.any.end(), may_take_success))
    return false;
  return std::none_of(
    asked.negated.begin(), asked.negated.end(), [](const condition& each) {
      return each.subject == condition::subject_kind::none && each.all.empty()
          && each.any.empty() && each.negated.empty()
          && std::any_of(each.statuses.begin(), each.statuses.end(),
                         [](const auto& range) {
                           return range.first <= 200 && range.last >= 299;
                         });
    });
}

/// One element of an array that an expression refers to by its number.
struct element_use {
  std::string array; ///< the expression up to the number, without the braces
  std::size_t number = 0;
};

/// The first number in the pointer of `used`.
std::optional<element_use> element_in(const template_expression& used) {
  element_use made;
  const auto is_of_step =
    used.source == source_kind::sub || used.source == source_kind::prepare;
  auto rest = std::string_view{used.text};
  rest.remove_prefix(rest.starts_with("{{") ? 2 : 0);
  rest = rest.substr(0, rest.find_first_of(" ?|}"));
  // The source and the name of a step are no part of the pointer.
  for (std::size_t at = 0, part = 0; at < rest.size(); ++part) {
    const auto end = std::min(rest.find('/', at), rest.size());
    const auto* last = rest.data() + end;
    const auto [stop, failure] =
      std::from_chars(rest.data() + at, last, made.number);
    if (part > (is_of_step ? 1 : 0) && failure == std::errc{} && stop == last) {
      made.array = rest.substr(0, at - 1);
      return made;
    }
    at = end + 1;
  }
  return std::nullopt;
}

/// What is wrong with the elements 0 to `last` of `array`.
std::string why_written_out(const std::string& array, std::size_t last) {
  return "the elements 0 to " + std::to_string(last) + " of " + array
       + " are written out, one in each sub-action: an element more would be "
         "left out, and with one fewer a sub-action fails; \"for_each\": \"{{"
       + array + "}}\" makes one call for each";
}

/// Warns where the elements of an array are written out.
void warn_of_written_out(flow_report& report, const flow& made) {
  // The sub-action of each number.
  std::map<std::string, std::map<std::size_t, std::size_t>> arrays;
  for (std::size_t i = 0; i < made.sub_actions.size(); ++i)
    for (const auto* used : expressions_of(made.sub_actions[i].request))
      if (const auto element = element_in(*used))
        arrays[element->array].emplace(element->number, i);
  for (const auto& [array, taken_by] : arrays) {
    std::set<std::size_t> steps;
    std::size_t count = 0;
    for (; taken_by.contains(count); ++count)
      steps.insert(taken_by.at(count));
    // One step that takes the first two has a reason for it.
    if (count < 3 || steps.size() < count)
      continue;
    report.warning(pointer{"/sub_actions"} / taken_by.at(0),
                   why_written_out(array, count - 1));
  }
}

} // namespace

void warn_of_content(object_reader& object, const request_template& made) {
  const auto type = std::find_if(
    made.headers.begin(), made.headers.end(), [](const auto& field) {
      return lower_case(field.first) == "content-type";
    });
  if (type == made.headers.end())
    return;
  const auto said = lower_case(type->second.literals().front());
  const bool is_form = said.starts_with("application/x-www-form-urlencoded")
                    || said.starts_with("multipart/");
  const bool is_json = said.starts_with("application/json");
  if (made.body && is_form)
    object.report().warning(
      object.at("headers") / type->first,
      "says a form, but \"body\" is sent as JSON; \"form\" sends a form");
  if (made.form && is_json)
    object.report().warning(
      object.at("headers") / type->first,
      "says JSON, but \"form\" is sent as a form; \"body\" sends JSON");
}

void warn_of_repeated_clone(object_reader& object, const clone_template& made) {
  const auto* rules = object.find("outcome");
  if (made.probe || made.safe_to_repeat || rules == nullptr
      || !rules->is_array())
    return;
  for (std::size_t i = 0; i < made.request.answers.outcome.size(); ++i) {
    const auto& rule = made.request.answers.outcome[i];
    const bool may_be_done = may_take_success(rule.when);
    if (rule.then == ruled::retry && may_be_done)
      object.report().warning(
        object.at("outcome") / i / "then",
        "\"retry\" of an answer that may be a 2xx makes a second clone if the "
        "first one happened after all; a \"probe\" would look for it");
  }
}

namespace {

/// A comparison without an expression comes to the same for every webhook: its
/// braces were forgotten.
void warn_of_constants(flow_report& report, const condition& asked,
                       const pointer& at) {
  if (asked.subject == condition::subject_kind::value
      && expressions_of(asked).empty())
    report.warning(at / "value", "is the same for every webhook; an expression "
                                 "has braces, such as \"{{body/action}}\"");
  for (std::size_t i = 0; i < asked.all.size(); ++i)
    warn_of_constants(report, asked.all[i], at / "all" / i);
  for (std::size_t i = 0; i < asked.any.size(); ++i)
    warn_of_constants(report, asked.any[i], at / "any" / i);
  for (const auto& each : asked.negated)
    warn_of_constants(report, each, at / "not");
}

void warn_of_constant_key(flow_report& report, const flow& made) {
  const auto& key = made.idempotency_key;
  const auto& used = key.expressions();
  const bool is_constant =
    std::all_of(used.begin(), used.end(), [](const auto& each) {
      return each.source == source_kind::flow;
    });
  const bool is_empty = used.empty() && key.literals().front().empty();
  if (is_constant && !is_empty)
    report.warning(pointer{"/idempotency/key"},
                   "is the same for every webhook: all after the first are "
                   "taken for it, and become no job; an expression has braces, "
                   "such as \"{{header/X-Delivery}}\"");
}

bool holds_always(const condition& asked) {
  return asked.subject == condition::subject_kind::none
      && asked.statuses.empty() && asked.all.empty() && asked.any.empty()
      && asked.negated.empty();
}

void warn_of_sender_side(flow_report& report, const flow& made) {
  warn_of_constant_key(report, made);
  warn_of_constants(report, made.when, pointer{"/when"});
  for (std::size_t i = 0; i < made.handshake.size(); ++i) {
    const auto at = pointer{"/handshake"} / i;
    warn_of_constants(report, made.handshake[i].when, at / "when");
    if (made.handshake[i].method == "POST"
        && holds_always(made.handshake[i].when))
      report.warning(at,
                     "answers every POST, so that no webhook becomes a job; "
                     "\"when\" tells a handshake from one");
  }
}

} // namespace

void warn_of_flow(flow_report& report, const flow& made) {
  warn_of_sender_side(report, made);
  warn_of_idle_compensation(report, made);
  warn_of_written_out(report, made);
}

} // namespace handoff
