#include "http/admin/request_document.hpp"

#include "actors/call_builder.hpp"
#include "config/masked_call.hpp"
#include "job/credential.hpp"
#include "job/excerpt.hpp"
#include "job/outcome.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* hidden = "***";
constexpr std::size_t body_bytes_max = 64 * 1024;

json failed_request(const error& why) {
  return {{"error", why.detail}};
}

/// The members of `document` whose names say that they are secret.
void add_credentials(const json& document, bool is_secret, secrets& to) {
  if (document.is_object())
    for (const auto& [name, value] : document.items())
      add_credentials(value, is_credential(name), to);
  else if (document.is_array())
    for (const auto& each : document)
      add_credentials(each, is_secret, to);
  else if (is_secret && document.is_string())
    to.push_back({document.get<std::string>(), {}, false});
}

/// What the webhook brought to prove something is hidden wherever the flow
/// sends it on to.
void add_credentials(const webhook& hook, secrets& to) {
  const auto body = hook.body.read();
  if (const auto* document = std::get_if<json>(&body))
    add_credentials(*document, false, to);
  for (const auto& each : hook.headers)
    if (is_credential(each.name))
      to.push_back({each.value, {}, false});
  for (const auto& [name, value] : hook.query)
    if (is_credential(name))
      to.push_back({value, {}, false});
}

/// What renders calls: the job's definition, and the connections as they are.
struct renderer {
  const job& record;
  const flow& definition;
  const find_connection& connections;
  secrets proofs; ///< what the webhook brought

  json shown(const outbound_call& built) const {
    const auto through =
      built.connection.empty() ? nullptr : connections(built.connection);
    if (!built.connection.empty() && !through)
      return failed_request(
        {error_kind::internal,
         "there is no connection \"" + built.connection + "\" any more"});
    auto hidden_here = definition.hidden;
    hide_also(hidden_here, proofs);
    if (through)
      hidden_here.insert(hidden_here.end(), through->hidden.begin(),
                         through->hidden.end());
    const auto call =
      masked(hidden_here, through ? completed(built, *through) : built);
    auto fields = json::array();
    for (const auto& each : call.headers)
      fields.push_back({{"name", each.name}, {"value", as_utf8(each.value)}});
    // What the connection proves itself with is added to each attempt.
    using kind = connection_auth::kind;
    if (through && through->auth.type != kind::none
        && through->auth.type != kind::query
        && find_header(call.headers, "Authorization") == nullptr)
      fields.push_back({{"name", "Authorization"}, {"value", hidden}});
    auto body = as_utf8(call.body);
    json made{{"method", call.method},
              {"url", as_utf8(call.url)},
              {"headers", std::move(fields)},
              {"body", nullptr}};
    if (through)
      made["connection"] = through->name;
    if (body.size() > body_bytes_max)
      made["truncated"] = true;
    if (!body.empty())
      made["body"] = cut_text(std::move(body), body_bytes_max);
    return made;
  }

  json shown(const result<outbound_call>& built) const {
    if (const auto* failed = std::get_if<error>(&built))
      return failed_request(masked(definition, *failed));
    return shown(std::get<outbound_call>(built));
  }

  json clone() const;
  /// A call beside the attempts of the clone, by its name.
  json inquiry(const std::string& called) const;
  json step(step_kind kind, const step_record& step) const;
};

/// The number of the attempt that is shown.
std::uint32_t number_of(const std::vector<attempt>& attempts) {
  return attempts.empty() ? 1 : attempts.back().number;
}

/// The sub-action that a step is made for: a compensation is named as what it
/// undoes. Null: it undoes the clone, or the record does not have it.
const step_record* sub_action_of(const job& record, step_kind kind,
                                 const step_record& step) {
  if (kind == step_kind::sub_action)
    return &step;
  for (const auto& each : record.sub_actions)
    if (each.name == step.name)
      return &each;
  return nullptr;
}

/// The request of a sub-action or a compensation; null if the definition has
/// none of that name any more.
const request_template* request_of(const flow& definition, step_kind kind,
                                   const std::string& name) {
  const auto* found = find_sub_action(definition, name);
  if (kind == step_kind::sub_action)
    return found != nullptr ? &found->request : nullptr;
  if (found != nullptr)
    return found->compensate ? &*found->compensate : nullptr;
  const auto& undoes_clone = definition.clone.compensate;
  return name == "clone" && undoes_clone ? &*undoes_clone : nullptr;
}

json renderer::clone() const {
  return shown(build_call(definition, definition.clone.request, retry_policy{},
                          record, {"clone", number_of(record.clone.attempts)},
                          call_class::clone));
}

json renderer::inquiry(const std::string& called) const {
  const auto render = [&](const request_template& request, std::string step) {
    step_attempt made{std::move(step)};
    // Those before the clone see each other's answers once all have been given.
    const auto none = json::object();
    if (record.clone.prepared.is_null())
      made.prepared = &none;
    return shown(build_call(definition, request, retry_policy{}, record, made,
                            call_class::clone));
  };
  for (const auto& each : definition.prepare)
    if (called == "prepare:" + each.name)
      return render(each.request, called);
  if (called == "probe" && definition.clone.probe)
    return render(definition.clone.probe->request, "clone:probe");
  if (called == "poll" && definition.clone.poll)
    return render(definition.clone.poll->request, "clone:poll");
  return failed_request(
    {error_kind::internal, "the job's definition does not have this call"});
}

json renderer::step(step_kind kind, const step_record& step) const {
  const auto number = number_of(step.attempts);
  if (kind == step_kind::callback) {
    if (!definition.callback)
      return failed_request({error_kind::internal, "the flow has no callback"});
    const auto when = step.attempts.empty() ? record.hook.received
                                            : step.attempts.back().started;
    return shown(
      build_callback(*definition.callback, record, step, number, when));
  }
  const auto* sub = sub_action_of(record, kind, step);
  const auto* request = request_of(
    definition, kind, sub != nullptr && !sub->of.empty() ? sub->of : step.name);
  if (request == nullptr)
    return failed_request(
      {error_kind::internal, "the job's definition does not have this step"});
  result<std::optional<step_element>> element = std::optional<step_element>{};
  if (sub != nullptr)
    element = element_for(definition, record, *sub);
  if (const auto* failed = std::get_if<error>(&element))
    return failed_request(masked(definition, *failed));
  const auto& item = std::get<std::optional<step_element>>(element);
  return shown(
    build_call(definition, *request, retry_policy{}, record,
               {full_name(kind, step.name), number, item ? &*item : nullptr},
               call_class::sub_action));
}

/// The call as it went out for `row`, an inquiry or an attempt: what differs is
/// its span.
json as_sent_for(const json& row, json request) {
  constexpr std::size_t span_begins = 36; // of a traceparent
  const auto span = row.at("span_id").get<std::string>();
  const auto fields = request.find("headers");
  if (fields == request.end())
    return request;
  for (auto& each : *fields)
    if (each.at("name") == "traceparent") {
      auto value = each.at("value").get<std::string>();
      if (value.size() > span_begins + span.size())
        value.replace(span_begins, span.size(), span);
      each["value"] = std::move(value);
    }
  return request;
}

constexpr std::pair<step_kind, const char*> lists[]{
  {step_kind::sub_action, "sub_actions"},
  {step_kind::compensation, "compensations"},
  {step_kind::callback, "callbacks"}};

} // namespace

void add_requests(json& document, const job& record, const flow& definition,
                  const find_connection& connections) {
  renderer calls{record, definition, connections, {}};
  add_credentials(record.hook, calls.proofs);
  document["clone"]["request"] = calls.clone();
  for (auto& each : document["clone"]["inquiries"])
    each["request"] =
      as_sent_for(each, calls.inquiry(each["name"].get<std::string>()));
  for (const auto& [kind, list] : lists) {
    // The document leaves out what its elements stand for, and keeps the order.
    auto& shown_steps = document[list];
    std::size_t at = 0;
    for (const auto& each : steps_of(record, kind))
      if (at < shown_steps.size() && shown_steps[at]["name"] == each.name) {
        auto& step = shown_steps[at++];
        step["request"] = calls.step(kind, each);
        // A look is the same call, and may be the last attempt.
        for (auto& look : step["inquiries"])
          look["request"] = as_sent_for(look, step["request"]);
        if (!step["inquiries"].empty() && !step["attempts"].empty())
          step["request"] =
            as_sent_for(step["attempts"].back(), std::move(step["request"]));
      }
  }
}

void add_requests(json& document, const error& why) {
  const auto add = [&](json& step) {
    step["request"] = failed_request(why);
    for (auto& each : step["inquiries"])
      each["request"] = step["request"];
  };
  add(document["clone"]);
  for (const auto& [kind, list] : lists)
    for (auto& each : document[list])
      add(each);
}

} // namespace handoff
