#include "config/clone_reader.hpp"

#include "config/answer_rules_reader.hpp"
#include "config/flow_compiler.hpp"
#include "config/flow_warnings.hpp"
#include "config/poll_address.hpp"

#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;
using std::chrono::milliseconds;

constexpr std::size_t prepare_max = 20;

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

/// The expression that the URL of `request` is, where it is nothing else.
std::optional<template_expression> only_expression(const json& request) {
  const auto url = request.is_object() ? request.find("url") : request.end();
  if (url == request.end() || !url->is_string())
    return std::nullopt;
  const auto compiled =
    text_template::compile(url->get_ref<const std::string&>());
  const auto* text = std::get_if<text_template>(&compiled);
  if (text == nullptr || text->expressions().size() != 1
      || !text->literals().front().empty() || !text->literals().back().empty())
    return std::nullopt;
  return text->expressions().front();
}

/// Reads where a poll may go whose URL is what the upstream answered.
std::optional<address_rule> read_address(object_reader& object,
                                         const json& request) {
  const auto expression = only_expression(request);
  if (!expression) {
    for (const auto key : {"hosts", "base"})
      if (object.has(key))
        object.error(key, "does nothing where the URL is not one expression");
    return std::nullopt;
  }
  // Not where a sender wants it, with what opens the connection.
  if (expression->source != source_kind::accepted
      && expression->source != source_kind::accepted_header)
    object.report().error(object.at("request") / "url",
                          expression->text
                            + " must not be the whole URL; allowed: "
                              "{{accepted/...}} and {{accepted-header/...}}");
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
    const auto why = why_bad_url({*base});
    if (!why.empty())
      object.error("base", shown_url(*object.find("base")) + why);
    made.base = std::move(*base);
    const auto first = allowed_address(made, {});
    const auto* refused = std::get_if<error>(&first);
    if (why.empty() && refused != nullptr && !made.hosts.empty())
      object.error("base", "can never be called: " + refused->detail);
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

} // namespace

std::string why_clone_lacks(const clone_template& made) {
  return made.probe && !made.probe->answer
         ? " has no value once the \"probe\" has found the clone: it needs a "
           "default, or \"answer\" in the probe"
         : std::string{};
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

} // namespace handoff
