#include "config/flow_compiler.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/condition_reader.hpp"
#include "config/duration.hpp"
#include "config/flow_check.hpp"
#include "config/flow_uses.hpp"
#include "config/nearest_name.hpp"
#include "config/poll_address.hpp"
#include "config/senders.hpp"
#include "config/sha256.hpp"
#include "config/verify_reader.hpp"
#include "job/json_text.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;
using std::chrono::milliseconds;
using name_set = std::set<std::string, std::less<>>;

constexpr std::size_t sub_actions_max = 100;
constexpr std::size_t prepare_max = 20;
constexpr milliseconds longest_deadline{3'600'000};
constexpr milliseconds longest_wait{30LL * 24 * 3'600'000};
constexpr milliseconds longest_keep{400LL * 24 * 3'600'000};

const std::vector<source_kind> from_webhook{
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::job,  source_kind::flow,   source_kind::received,
  source_kind::uuid};
const std::vector<source_kind> after_clone{
  source_kind::uid,  source_kind::clone,  source_kind::clone_header,
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::job,  source_kind::flow,   source_kind::received};
const std::vector<source_kind> undoing_clone{
  source_kind::uid,  source_kind::clone,  source_kind::clone_header,
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::job,  source_kind::flow,   source_kind::received,
  source_kind::uuid};
const std::vector<source_kind> everything{
  source_kind::uid,    source_kind::clone,      source_kind::clone_header,
  source_kind::sub,    source_kind::sub_header, source_kind::body,
  source_kind::header, source_kind::query,      source_kind::job,
  source_kind::flow,   source_kind::received,   source_kind::uuid};

/// The scope of a part of the flow: `sources`, and the answers of the calls
/// before the clone.
expression_scope scope_of(std::vector<source_kind> sources,
                          const name_set& prepared) {
  if (!prepared.empty()) {
    sources.push_back(source_kind::prepare);
    sources.push_back(source_kind::prepare_header);
  }
  return {std::move(sources), {}, {}, prepared};
}

const std::vector<std::string_view> methods{"GET",   "HEAD",   "POST",   "PUT",
                                            "PATCH", "DELETE", "OPTIONS"};

std::optional<form_template> read_form(object_reader& object) {
  static const std::vector<std::string_view> ways{"indices", "brackets",
                                                  "repeat", "commas"};
  const auto* form = object.find("form");
  const auto way = object.choice("form_arrays", ways);
  if (form == nullptr) {
    if (object.has("form_arrays"))
      object.error("form_arrays",
                   "does nothing here: it belongs beside \"form\"");
    return std::nullopt;
  }
  if (!form->is_object()) {
    object.error("form", "must be an object, but is " + described(*form));
    return std::nullopt;
  }
  auto compiled =
    form_template::compile(*form, static_cast<form_arrays>(way.value_or(0)),
                           [&](const std::string& literal) {
                             return object.report().references.resolve(literal);
                           });
  if (auto* wrong = std::get_if<error>(&compiled)) {
    object.error("form", std::move(wrong->detail));
    return std::nullopt;
  }
  return std::get<form_template>(std::move(compiled));
}

/// What a request sends: one of three, or nothing.
void read_content(object_reader& object, request_template& made) {
  made.body = read_body(object);
  made.form = read_form(object);
  if (const auto* text = object.find("text"))
    made.text = read_template(object.report(), *text, object.at("text"));
  constexpr std::string_view ways[]{"body", "form", "text"};
  std::string_view first;
  for (const auto way : ways) {
    if (!object.has(way))
      continue;
    if (!first.empty())
      object.error(way, "stands beside " + in_quotes(first)
                          + "; allowed: one of body, form and text");
    else
      first = way;
  }
}

/// A path as the end of a URL, to be checked as one.
std::vector<std::string> with_host(std::vector<std::string> literals) {
  literals.front().insert(0, "http://connection");
  return literals;
}

/// What `object` says of the answers to its request.
answer_rules read_answers(object_reader& object,
                          const request_template& request) {
  answer_rules made;
  made.outcome = read_outcome(object);
  made.pick = read_pick(object);
  for (std::size_t i = 0; i < made.outcome.size(); ++i)
    if (made.outcome[i].then == ruled::refresh && request.connection.empty())
      object.report().error(object.at("outcome") / i / "then",
                            "\"refresh\" renews the token of a connection, and "
                            "this request has none");
  return made;
}

/// Where a request goes: `url`, or `connection` and `path`. Of a journaled flow
/// the connection may be gone: its attempts say so. `is_given` is for one whose
/// URL an upstream gives: it may stand beside a connection.
void read_target(object_reader& object, request_template& made, bool is_given) {
  if (auto name = object.text("connection")) {
    const auto* known = object.report().connections;
    if (known != nullptr && !known->contains(*name)) {
      std::vector<std::string_view> names;
      for (const auto& [each, connection] : *known)
        names.push_back(each);
      object.error("connection",
                   shown(*object.find("connection")) + " names no connection"
                     + did_you_mean(*name, names)
                     + (names.empty() ? ", there is none (flows.connections)"
                                      : "; allowed: " + one_of(names)));
    }
    made.connection = std::move(*name);
  }
  const bool is_through = object.has("connection");
  if (!is_through && !object.has("url"))
    object.report().error(object.at(), "\"url\" is missing, or \"connection\" "
                                       "and \"path\"");
  const bool is_path = is_through && !is_given;
  if (is_path && object.has("url"))
    object.error(
      "url",
      "stands beside \"connection\", which has it; allowed: one of them");
  if (!is_through && object.has("path"))
    object.error("path", "does nothing without \"connection\"");
  if (is_through && is_given && object.has("path"))
    object.error("path", "stands beside \"url\"; allowed: one of them");
  const auto* url = object.find(is_path ? "path" : "url");
  if (url == nullptr)
    return;
  auto compiled =
    read_template(object.report(), *url, object.at(is_path ? "path" : "url"));
  if (!compiled)
    return;
  const auto& literals = compiled->literals();
  if (is_path) {
    const auto& first = literals.front();
    if (!first.starts_with('/') && !first.starts_with('?'))
      object.error("path", shown_url(*url)
                             + "does not begin with /; allowed: what follows "
                               "the URL of the connection");
    else if (const auto why = why_bad_url(with_host(literals)); !why.empty())
      object.error("path", shown_url(*url) + why);
  } else if (!is_given) {
    if (const auto why = why_bad_url(literals); !why.empty())
      object.error("url", shown_url(*url) + why);
  }
  made.url = std::move(*compiled);
}

request_template read_request(flow_report& report, const json& value,
                              const pointer& at,
                              std::string_view kind = "request",
                              std::optional<address_rule> address = {}) {
  object_reader object{report, value, at, kind};
  request_template made;
  if (const auto method = object.choice("method", methods))
    made.method = methods[*method];
  read_target(object, made, address.has_value());
  made.address = std::move(address);
  made.headers = read_headers(object, header_owner::request);
  read_content(object, made);
  // Other calls have their rules beside the request.
  if (kind == "compensation")
    made.answers = read_answers(object, made);
  return made;
}

/// Checks the expressions of a request and of what is said of its answers,
/// which stands in the object at `rules_at`.
void check_request(flow_report& report, const pointer& at,
                   const pointer& rules_at, const request_template& made,
                   const expression_scope& scope) {
  check_answer_rules(report, rules_at, made.answers, scope);
  const bool is_path = !made.connection.empty() && !made.address;
  check_url_expressions(report, at / (is_path ? "path" : "url"), made.url,
                        scope);
  for (const auto& [name, value] : made.headers)
    check_expressions(report, at / "headers" / name, value, scope);
  if (made.body)
    check_expressions(report, at / "body", made.body->expressions(), scope);
  if (made.form)
    check_expressions(report, at / "form", made.form->expressions(), scope);
  if (made.text)
    check_expressions(report, at / "text", *made.text, scope);
}

std::optional<request_template> read_compensation(object_reader& object) {
  const auto* value = object.find("compensate");
  if (value == nullptr)
    return std::nullopt;
  return read_request(object.report(), *value, object.at("compensate"),
                      "compensation");
}

/// Why what a flow takes of its clone's answer needs a default; empty if it
/// does not.
std::string why_clone_lacks(const clone_template& made) {
  return made.probe && !made.probe->answer
         ? " has no value once the \"probe\" has found the clone: it needs a "
           "default, or \"answer\" in the probe"
         : std::string{};
}

/// Warns where an answer that says "done" would have the clone made again.
void warn_of_repeated_clone(object_reader& object, const clone_template& made) {
  const auto* rules = object.find("outcome");
  if (made.probe || made.safe_to_repeat || rules == nullptr
      || !rules->is_array())
    return;
  for (std::size_t i = 0; i < made.request.answers.outcome.size(); ++i) {
    const auto& rule = made.request.answers.outcome[i];
    const auto& asked = rule.when.statuses;
    const bool may_be_done =
      asked.empty()
      || std::any_of(asked.begin(), asked.end(), [](const auto& range) {
           return range.first < 300 && range.last >= 200;
         });
    if (rule.then == ruled::retry && may_be_done)
      object.report().warning(
        object.at("outcome") / i / "then",
        "\"retry\" of an answer that may be a 2xx makes a second clone if the "
        "first one happened after all; a \"probe\" would look for it");
  }
}

/// How long waits may take; `defaults` is what is not said.
wait_rules read_wait_times(object_reader& object, wait_rules defaults) {
  wait_rules made = defaults;
  const auto every =
    object.duration("every", milliseconds{1}, milliseconds{3'600'000});
  const auto limit = object.duration("for", milliseconds{1}, longest_wait);
  made.every = every.value_or(made.every);
  made.limit = limit.value_or(made.limit);
  return made;
}

probe_template read_probe(flow_report& report, const json& value,
                          const pointer& at, const name_set& prepared) {
  object_reader object{report, value, at, "probe"};
  probe_template made;
  const auto scope = scope_of(from_webhook, prepared);
  if (const auto* request = object.find("request")) {
    made.request = read_request(report, *request, object.at("request"));
    made.request.answers = read_answers(object, made.request);
    check_request(report, object.at("request"), at, made.request, scope);
  }
  made.uid = object.json_pointer("uid").value_or(pointer{});
  const auto times =
    read_wait_times(object, {made.rules.every, made.rules.limit});
  made.rules.every = times.every;
  made.rules.limit = times.limit;
  made.rules.after =
    object.duration("after", milliseconds{0}, milliseconds{86'400'000})
      .value_or(made.rules.after);
  made.answer = object.json_pointer("answer");
  return made;
}

/// Refuses a wait whose request must not be repeated.
void check_repeatable(object_reader& object, const request_template& request) {
  const bool is_safe = object.boolean("safe_to_repeat").value_or(false);
  if (!is_safe && !request.method.empty() && request.method != "GET"
      && request.method != "HEAD")
    object.error(
      "until",
      "repeats the request, but it is a " + request.method
        + "; allowed: GET and HEAD, or \"safe_to_repeat\": true beside it");
}

/// Whether the URL of `request` is one expression and nothing else.
bool is_one_expression(const json& request) {
  const auto url = request.is_object() ? request.find("url") : request.end();
  if (url == request.end() || !url->is_string())
    return false;
  const auto compiled =
    text_template::compile(url->get_ref<const std::string&>());
  const auto* text = std::get_if<text_template>(&compiled);
  return text != nullptr && text->expressions().size() == 1
      && text->literals().front().empty() && text->literals().back().empty();
}

/// Reads where a poll may go whose URL is what the upstream answered.
std::optional<address_rule> read_address(object_reader& object,
                                         const json& request) {
  if (!is_one_expression(request)) {
    for (const auto key : {"hosts", "base"})
      if (object.has(key))
        object.error(key, "does nothing where the URL is not one expression");
    return std::nullopt;
  }
  address_rule made;
  const std::string rule =
    "must be a list of the hosts that may be asked, each "
    "\"name\" or \"name:port\"";
  const auto* hosts = object.find("hosts");
  if (hosts == nullptr || !hosts->is_array() || hosts->empty()) {
    object.error("hosts", rule);
    return made;
  }
  for (std::size_t i = 0; i < hosts->size(); ++i) {
    const auto entry =
      read_text(object.report(), (*hosts)[i], object.at("hosts") / i);
    if (!entry)
      continue;
    if (auto host = parse_host(*entry))
      made.hosts.push_back(std::move(*host));
    else
      object.report().error(object.at("hosts") / i,
                            shown((*hosts)[i]) + " is not a host: it " + rule);
  }
  if (auto base = object.text("base")) {
    if (const auto why = why_bad_url({*base}); !why.empty())
      object.error("base", shown_url(*object.find("base")) + why);
    made.base = std::move(*base);
  }
  return made;
}

poll_template read_poll(flow_report& report, const json& value,
                        const pointer& at, const name_set& prepared) {
  object_reader object{report, value, at, "poll"};
  poll_template made;
  auto scope_sources = from_webhook;
  scope_sources.push_back(source_kind::accepted);
  scope_sources.push_back(source_kind::accepted_header);
  if (const auto* request = object.find("request"))
    made.request = read_request(report, *request, object.at("request"),
                                "request", read_address(object, *request));
  made.request.answers = read_answers(object, made.request);
  made.request.answers.wait = read_wait_conditions(object);
  made.times = read_wait_times(object, made.times);
  check_repeatable(object, made.request);
  check_request(report, object.at("request"), at, made.request,
                scope_of(std::move(scope_sources), prepared));
  return made;
}

clone_template read_clone(flow_report& report, const json& value,
                          const pointer& at, retry_policy policy,
                          const name_set& prepared, bool journaled) {
  object_reader object{report, value, at, "clone"};
  clone_template made;
  if (const auto* request = object.find("request")) {
    made.request = read_request(report, *request, object.at("request"));
    made.request.answers = read_answers(object, made.request);
    check_request(report, object.at("request"), at, made.request,
                  scope_of(from_webhook, prepared));
  }
  made.uid = object.json_pointer("uid").value_or(pointer{});
  made.compensate_retry = policy;
  made.compensate_retry.retry_on = sub_action_retry_on();
  policy.retry_on = clone_retry_on();
  made.retry = read_retry(object, std::move(policy));
  made.safe_to_repeat = object.boolean("safe_to_repeat").value_or(false);
  if (const auto* probe = object.find("probe"))
    made.probe = read_probe(report, *probe, object.at("probe"), prepared);
  if (const auto* poll = object.find("poll")) {
    made.poll = read_poll(report, *poll, object.at("poll"), prepared);
    // Its conditions are asked of the first answer too.
    made.request.answers.wait = made.poll->request.answers.wait;
  }
  made.compensate = read_compensation(object);
  if (made.compensate) {
    auto scope = scope_of(undoing_clone, prepared);
    // What a job began with is kept, whatever has been learnt since.
    scope.clone_may_lack = journaled ? "" : why_clone_lacks(made);
    check_request(report, object.at("compensate"), object.at("compensate"),
                  *made.compensate, scope);
  }
  warn_of_repeated_clone(object, made);
  return made;
}

/// Reads the calls that are made before the clone.
std::vector<prepare_template>
read_prepare(flow_report& report, const json& values, name_set& prepared) {
  const pointer at{"/prepare"};
  if (!values.is_array() || values.size() > prepare_max) {
    report.error(at, "must be an array of at most "
                       + std::to_string(prepare_max) + " calls");
    return {};
  }
  std::vector<prepare_template> all;
  for (std::size_t i = 0; i < values.size(); ++i) {
    object_reader object{report, values[i], at / i, "prepare"};
    prepare_template made;
    made.name = object.text("name").value_or("");
    if (object.has("name") && !is_flow_name(made.name))
      object.error("name", shown(*object.find("name"))
                             + " is not a name of a call; allowed: "
                             + std::string{flow_name_rule});
    if (const auto* request = object.find("request")) {
      made.request = read_request(report, *request, object.at("request"));
      made.request.answers = read_answers(object, made.request);
      check_request(report, object.at("request"), at / i, made.request,
                    scope_of(from_webhook, prepared));
      if (!made.request.method.empty() && made.request.method != "GET")
        report.error(object.at("request") / "method",
                     "must be GET: what is made before the clone may be made "
                     "again");
    }
    if (!made.name.empty() && !prepared.insert(made.name).second)
      object.error(
        "name",
        in_quotes(made.name)
          + " is the name of another call too: each needs a name of its own");
    all.push_back(std::move(made));
  }
  return all;
}

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
  const auto check = [&](const template_expression& used) {
    if (used.source != source_kind::sub || used.fallback)
      return;
    for (std::size_t other = 0; other < all.size(); ++other)
      if (all[other].name == used.name && all[other].when && other != index
          && when_of(other) != when_of(index))
        report.error(at / "request",
                     used.text + " has no value where the \"when\" of "
                       + in_quotes(used.name)
                       + " does not hold, it needs a default, or this "
                         "sub-action the same \"when\"");
  };
  const auto& request = all[index].request;
  for (const auto& each : request.url.expressions())
    check(each);
  for (const auto& [name, value] : request.headers)
    for (const auto& each : value.expressions())
      check(each);
  if (request.body)
    for (const auto* each : request.body->expressions())
      check(*each);
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

void read_idempotency(object_reader& top, flow& made) {
  made.idempotency_key = std::get<text_template>(
    text_template::compile("{{header/Idempotency-Key}}"));
  const auto* value = top.find("idempotency");
  if (value == nullptr)
    return;
  auto& report = top.report();
  object_reader object{report, *value, top.at("idempotency"), "idempotency"};
  if (const auto* key = object.find("key"))
    if (auto compiled = read_template(report, *key, object.at("key"))) {
      // A job's id is another one each time: no webhook would ever be known
      // again by it.
      check_expressions(report, object.at("key"), *compiled,
                        {{source_kind::body, source_kind::header,
                          source_kind::query, source_kind::flow},
                         {},
                         {}});
      made.idempotency_key = std::move(*compiled);
    }
  made.idempotency_keep =
    object.duration("keep", milliseconds{1000}, longest_keep)
      .value_or(made.idempotency_keep);
  static const std::vector<std::string_view> bodies{"same", "any"};
  static const std::vector<std::string_view> after_failure{"replay", "again"};
  made.any_body = object.choice("body", bodies).value_or(0) == 1;
  made.again_after_failure =
    object.choice("failed", after_failure).value_or(0) == 1;
}

void read_title(object_reader& top, flow& made) {
  const auto* value = top.find("title");
  if (value == nullptr)
    return;
  auto compiled = read_template(top.report(), *value, top.at("title"));
  if (!compiled)
    return;
  check_expressions(
    top.report(), top.at("title"), *compiled,
    {{source_kind::body, source_kind::header, source_kind::query,
      source_kind::job, source_kind::flow, source_kind::received},
     {},
     {}});
  made.title = std::move(*compiled);
}

void read_deadline(object_reader& top, const flow_defaults& defaults,
                   bool journaled, flow& made) {
  made.deadline_limit = defaults.deadline_limit;
  const auto* value = top.find("deadline");
  if (value == nullptr)
    return;
  object_reader object{top.report(), *value, top.at("deadline"), "deadline"};
  const auto limit =
    object.duration("limit", milliseconds{1}, longest_deadline);
  if (!limit)
    return;
  const auto shown_limit = shown(*object.find("limit"));
  if (*limit > defaults.deadline_limit && !journaled)
    object.error(
      "limit",
      shown_limit
        + " is longer than deadline.limit of the settings; allowed: up to "
        + format_duration(defaults.deadline_limit));
  if (*limit <= defaults.deadline_margin && !journaled)
    object.error("limit", shown_limit
                            + " is not longer than deadline.margin of the "
                              "settings; allowed: more than "
                            + format_duration(defaults.deadline_margin));
  made.deadline_limit = std::min(*limit, defaults.deadline_limit);
}

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

/// Visits every request of a flow.
template <class Visitor>
void each_request(const flow& made, Visitor visit) {
  const auto visit_if = [&](const auto& request) {
    if (request)
      visit(*request);
  };
  for (const auto& each : made.prepare)
    visit(each.request);
  visit(made.clone.request);
  visit_if(made.clone.compensate);
  if (made.clone.probe)
    visit(made.clone.probe->request);
  if (made.clone.poll)
    visit(made.clone.poll->request);
  for (const auto& each : made.sub_actions) {
    visit(each.request);
    visit_if(each.compensate);
  }
}

/// Hides the secrets of the connections that the flow's requests name, too.
void hide_connections(const connection_set& connections, flow& made) {
  const auto hide = [&](const request_template& request) {
    const auto known = connections.find(request.connection);
    if (known == connections.end())
      return;
    for (const auto& each : known->second->hidden)
      if (std::none_of(
            made.hidden.begin(), made.hidden.end(),
            [&](const auto& other) { return other.name == each.name; }))
        made.hidden.push_back(each);
  };
  each_request(made, hide);
}

} // namespace

namespace {

/// The text at `member` of the object at `object`; empty if there is none.
std::string text_in(const json& definition, const char* object,
                    const char* member) {
  const auto* found = find_at(definition, pointer{} / object / member);
  return found != nullptr && found->is_string() ? found->get<std::string>()
                                                : std::string{};
}

} // namespace

flow compile_definition(const json& written, const flow_defaults& defaults,
                        bool journaled, flow_report& report) {
  static const connection_set none;
  if (!journaled)
    report.connections =
      defaults.connections != nullptr ? defaults.connections.get() : &none;
  // What proves a sender is not journaled with the flow.
  report.references.journal(false);
  const auto expanded = expand_sender(written, defaults.deadline_limit, report);
  const auto& definition = expanded.definition;
  flow made;
  made.sender = text_in(written, "sender", "name");
  made.verify_scheme = text_in(definition, "verify", "scheme");
  object_reader top{report, definition, pointer{}, "flow"};
  if (auto name = top.text("name")) {
    if (!is_flow_name(*name))
      top.error("name", shown(*top.find("name"))
                          + " is not a name of a flow; allowed: "
                          + std::string{flow_name_rule});
    made.name = std::move(*name);
  }
  if (const auto* schema = top.find("$schema");
      schema != nullptr && !schema->is_string())
    top.error("$schema", "must be a string, but is " + described(*schema));
  if (const auto* value = top.find("verify"))
    made.verify = read_verify(
      report, *value, top.at("verify"),
      {defaults.public_url, expanded.from_preset, expanded.secret_may_lack,
       pointer{expanded.secret_from_sender ? "/sender" : "/verify"}});
  made.handshake = read_handshake(top);
  report.references.journal(true);
  read_title(top, made);
  read_idempotency(top, made);
  read_deadline(top, defaults, journaled, made);
  name_set prepared;
  if (const auto* value = top.find("prepare"))
    made.prepare = read_prepare(report, *value, prepared);
  made.prepare_retry = defaults.retry;
  made.prepare_retry.retry_on = sub_action_retry_on();
  if (const auto* value = top.find("clone"))
    made.clone = read_clone(report, *value, top.at("clone"), defaults.retry,
                            prepared, journaled);
  const auto may_lack = journaled ? "" : why_clone_lacks(made.clone);
  auto reply_scope = scope_of(after_clone, prepared);
  reply_scope.clone_may_lack = may_lack;
  read_sender_side(top, made, reply_scope);
  if (const auto* value = top.find("sub_actions")) {
    auto scope = scope_of(everything, prepared);
    scope.clone_may_lack = may_lack;
    made.sub_actions =
      read_sub_actions(report, *value, defaults.retry, std::move(scope));
  }
  if (const auto* value = top.find("callback"))
    made.callback =
      read_callback(report, *value, top.at("callback"), defaults.retry);
  warn_of_idle_compensation(report, made);
  note_uses(made);
  made.hidden = report.references.secrets();
  made.files = report.references.files();
  if (defaults.connections != nullptr)
    hide_connections(*defaults.connections, made);
  for (const auto& doubt : report.references.doubts())
    report.warning(pointer{}, doubt);
  if (report.errors.empty()) {
    made.definition = definition;
    // A job that goes on asks nobody who he is; what stands in there as it is
    // shall not be journaled.
    for (const auto* of_senders : {"verify", "handshake"})
      made.definition.erase(of_senders);
    made.version = sha256_hex(json_text(made.definition));
  }
  return made;
}

} // namespace handoff
