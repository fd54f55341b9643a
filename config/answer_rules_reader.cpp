#include "config/answer_rules_reader.hpp"

#include "config/condition_reader.hpp"
#include "config/nearest_name.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

constexpr milliseconds longest_wait{30LL * 24 * 3600 * 1000};

outcome_rule read_rule(flow_report& report, const json& value,
                       const pointer& at) {
  static const std::vector<std::string_view> words{"succeed", "fail", "retry",
                                                   "refresh", "unknown"};
  object_reader object{report, value, at, "outcome_rule"};
  outcome_rule made;
  if (const auto* asked = object.find("if"))
    made.when =
      read_condition(report, *asked, object.at("if"), condition_place::answer)
        .value_or(condition{});
  if (const auto then = object.choice("then", words))
    made.then = static_cast<ruled>(*then);
  if (const auto* wait = object.find("wait")) {
    if (made.then != ruled::retry && made.then != ruled::unknown)
      object.error("wait",
                   "does nothing here: it belongs beside \"then\": \"retry\"");
    if (wait->is_string()
        && wait->get_ref<const std::string&>().starts_with('/'))
      made.wait = object.json_pointer("wait").value_or(pointer{});
    else if (const auto time =
               object.duration("wait", milliseconds{1}, longest_wait))
      made.wait = *time;
  }
  if (object.has("detail"))
    made.detail = object.json_pointer("detail");
  if (made.detail && made.then == ruled::succeed)
    report.warning(at / "detail", "is never shown: a success has no error");
  return made;
}

} // namespace

outcome_rules read_outcome(flow_report& report, const json& value,
                           const pointer& at) {
  outcome_rules made;
  if (value == "graphql")
    return graphql_outcome();
  if (!value.is_array() || value.empty() || value.size() > outcome_rules_max) {
    report.error(at,
                 "must be \"graphql\" or an array of 1 to "
                   + std::to_string(outcome_rules_max) + " rules, but "
                   + (value.is_array() ? "has " + std::to_string(value.size())
                                       : "is " + shown(value)));
    return made;
  }
  for (std::size_t i = 0; i < value.size(); ++i)
    made.push_back(read_rule(report, value[i], at / i));
  return made;
}

outcome_rules read_outcome(object_reader& object) {
  const auto* value = object.find("outcome");
  if (value == nullptr)
    return {};
  return read_outcome(object.report(), *value, object.at("outcome"));
}

std::optional<pick_rule> read_pick(object_reader& object) {
  const auto* value = object.find("pick");
  if (value == nullptr)
    return std::nullopt;
  object_reader inner{object.report(), *value, object.at("pick"), "pick"};
  pick_rule made;
  made.from = inner.json_pointer("from").value_or(pointer{});
  if (const auto* where = inner.find("where"))
    made.where = read_condition(object.report(), *where, inner.at("where"),
                                condition_place::element)
                   .value_or(condition{});
  return made;
}

std::optional<wait_conditions> read_wait_conditions(object_reader& object) {
  const auto read = [&](std::string_view key) -> std::optional<condition> {
    const auto* value = object.find(key);
    if (value == nullptr)
      return std::nullopt;
    return read_condition(object.report(), *value, object.at(key),
                          condition_place::answer);
  };
  auto until = read("until");
  auto fails = read("fails");
  if (!object.has("until"))
    return std::nullopt;
  return wait_conditions{std::move(until).value_or(condition{}),
                         std::move(fails)};
}

void check_answer_rules(flow_report& report, const pointer& at,
                        const answer_rules& rules,
                        const expression_scope& scope) {
  for (std::size_t i = 0; i < rules.outcome.size(); ++i)
    check_condition(report, at / "outcome" / i / "if", rules.outcome[i].when,
                    scope);
  if (rules.pick)
    check_condition(report, at / "pick" / "where", rules.pick->where, scope);
  if (!rules.wait)
    return;
  check_condition(report, at / "until", rules.wait->until, scope);
  if (rules.wait->fails)
    check_condition(report, at / "fails", *rules.wait->fails, scope);
}

const json& graphql_definition() {
  // The codes of Shopify, monday, Linear and GitHub; monday's older answers
  // have theirs at the top.
  static const auto rules = json::parse(R"([
      {"if": {"any": [
         {"at": "/errors/0/extensions/code",
          "is": ["THROTTLED", "RATELIMITED", "RATE_LIMITED",
                 "RATE_LIMIT_EXCEEDED", "COMPLEXITY_BUDGET_EXHAUSTED",
                 "ComplexityException"]},
         {"at": "/errors/0/type", "is": ["RATE_LIMITED", "THROTTLED"]},
         {"at": "/error_code", "is": ["ComplexityException", "RATE_LIMITED"]}]},
       "then": "retry", "wait": "/errors/0/extensions/retry_in_seconds",
       "detail": "/errors/0/message"},
      {"if": {"at": "/errors", "empty": false}, "then": "fail",
       "detail": "/errors/0/message"},
      {"if": {"at": "/error_code", "empty": false}, "then": "fail",
       "detail": "/error_message"}])");
  return rules;
}

void expand_outcomes(json& definition) {
  constexpr std::string_view data[]{"body", "form", "headers", "text", "reply"};
  if (definition.is_array()) {
    for (auto& each : definition)
      expand_outcomes(each);
  } else if (definition.is_object()) {
    for (auto& [name, member] : definition.items()) {
      if (name == "outcome" && member == "graphql")
        member = graphql_definition();
      else if (std::find(std::begin(data), std::end(data), name)
               == std::end(data))
        expand_outcomes(member);
    }
  }
}

const outcome_rules& graphql_outcome() {
  static const outcome_rules rules = [] {
    flow_report report{"graphql", reference_resolver{""}, {}, {}};
    auto made = read_outcome(report, graphql_definition(), pointer{});
    assert(report.errors.empty());
    return made;
  }();
  return rules;
}

} // namespace handoff
