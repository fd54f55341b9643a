#include "actors/call_builder.hpp"

#include "config/kept_answer.hpp"
#include "config/poll_address.hpp"
#include "config/repeat.hpp"
#include "job/clone_traffic.hpp"
#include "job/follow_up.hpp"
#include "job/json_text.hpp"
#include "job/standard_webhook.hpp"
#include "job/timestamp.hpp"
#include "job/token.hpp"
#include "job/trace.hpp"

#include <algorithm>

namespace handoff {

bool names_json(std::string_view type) {
  auto name = lower_case(type.substr(0, type.find(';')));
  name.erase(name.find_last_not_of(" \t") + 1);
  return name == "application/json" || name == "text/json"
      || name.ends_with("+json");
}

namespace {

std::optional<error> add_headers(const request_template& request,
                                 const template_context& context, headers& to) {
  for (const auto& [name, value] : request.headers) {
    auto rendered = value.render(context, template_place::header);
    if (auto* failed = std::get_if<error>(&rendered))
      return std::move(*failed);
    to.push_back({name, std::get<std::string>(std::move(rendered))});
  }
  return std::nullopt;
}

/// A text that the flow says is something other than JSON, a form for example,
/// goes out as it is; all else as JSON.
void add_body(const nlohmann::json& body, outbound_call& to) {
  const auto* type = find_header(to.headers, "Content-Type");
  const bool is_plain =
    body.is_string() && type != nullptr && !type->empty() && !names_json(*type);
  to.body = is_plain ? body.get<std::string>() : json_text(body);
  if (type == nullptr)
    to.headers.push_back({"Content-Type", "application/json"});
}

void add_text(std::string text, std::string_view type, outbound_call& to) {
  to.body = std::move(text);
  if (find_header(to.headers, "Content-Type") == nullptr)
    to.headers.push_back({"Content-Type", std::string{type}});
}

/// Sets the body, and its type unless the flow says another.
std::optional<error> add_content(const request_template& request,
                                 const template_context& context,
                                 outbound_call& to) {
  if (request.body) {
    auto body = request.body->render(context);
    if (auto* failed = std::get_if<error>(&body))
      return std::move(*failed);
    add_body(std::get<nlohmann::json>(body), to);
  }
  if (!request.form && !request.text)
    return std::nullopt;
  auto text = request.form
              ? request.form->render(context)
              : request.text->render(context, template_place::text);
  if (auto* failed = std::get_if<error>(&text))
    return std::move(*failed);
  add_text(std::get<std::string>(std::move(text)),
           request.form ? "application/x-www-form-urlencoded" : "text/plain",
           to);
  return std::nullopt;
}

void add_trace(const job& record, const std::string& span_id, headers& to) {
  const auto& trace = record.hook.trace;
  to.push_back({"traceparent", make_traceparent(trace, span_id)});
  if (!trace.state.empty())
    to.push_back({"tracestate", trace.state});
}

} // namespace

namespace {

/// The answers of the elements of a sub-action, in their order.
nlohmann::json answers_of(const job& record, const step_record& whole) {
  auto all = nlohmann::json::array();
  for (std::size_t at = 0; at < *whole.elements; ++at)
    all.push_back(nullptr);
  for (const auto& each : record.sub_actions)
    if (each.of == whole.name && element_of(each) < all.size())
      all[element_of(each)] = kept_body(each.answer);
  return all;
}

/// The step that sent what `step` looks for: the clone, of its probe and poll.
std::string_view sender_of(std::string_view step) {
  return step == "clone:probe" || step == "clone:poll" ? "clone" : step;
}

/// The URL of a request, which may be one that an upstream gave.
result<std::string> url_of(const request_template& request,
                           const template_context& context) {
  if (!request.address)
    return request.url.render(context, template_place::url);
  auto given = request.url.render(context, template_place::text);
  if (const auto* text = std::get_if<std::string>(&given))
    return allowed_address(*request.address, *text);
  return given;
}

/// An element that is undone sees its own answer, not those of all.
void set_own_answer(template_context& context, const step_element& own) {
  context.sub_answer =
    [of = own.of, answer = own.answer,
     others = std::move(context.sub_answer)](std::string_view name) {
      return name == of ? answer : others(name);
    };
  if (context.sub_elements)
    context.sub_elements =
      [of = own.of,
       others = std::move(context.sub_elements)](std::string_view name) {
        return name == of ? std::nullopt : others(name);
      };
}

} // namespace

void set_webhook(template_context& context, const webhook& hook) {
  context.hook = &hook;
  context.body = [parts = hook.parts, body = hook.body, is_whole = false](
                   const nlohmann::json::json_pointer& wanted) mutable
    -> const nlohmann::json* {
    if (is_whole || (parts && find_at(*parts, wanted) != nullptr))
      return parts.get();
    auto read = body.read();
    auto* document = std::get_if<nlohmann::json>(&read);
    parts = std::make_shared<const nlohmann::json>(
      document != nullptr ? std::move(*document) : nlohmann::json{});
    is_whole = true;
    return parts.get();
  };
}

template_context context_of(const flow& definition, const job& record) {
  template_context context;
  context.hidden = &definition.hidden;
  set_webhook(context, record.hook);
  if (record.clone.accepted)
    context.accepted = &record.clone.accepted->answer;
  if (!record.clone.prepared.is_null())
    context.prepared = &record.clone.prepared;
  if (!record.clone.uid.is_null()) {
    context.uid = &record.clone.uid;
    context.clone_answer = &record.clone.answer;
  }
  context.sub_answer =
    [&record](std::string_view name) -> const nlohmann::json* {
    for (const auto& each : record.sub_actions)
      if (each.name == name && each.status == sub_action_status::succeeded
          && !each.elements)
        return &each.answer;
    return nullptr;
  };
  const auto& subs = record.sub_actions;
  if (std::any_of(subs.begin(), subs.end(),
                  [](const auto& each) { return each.elements.has_value(); }))
    context.sub_elements =
      [&record](std::string_view name) -> std::optional<nlohmann::json> {
      for (const auto& each : record.sub_actions)
        if (each.name == name && each.status == sub_action_status::succeeded
            && each.elements)
          return answers_of(record, each);
      return std::nullopt;
    };
  return context;
}

std::string upstream_of(const outbound_call& call) {
  return call.connection.empty() ? upstream_of(call.url) : call.connection;
}

result<outbound_call> build_call(const flow& definition,
                                 const request_template& request,
                                 const retry_policy& policy, const job& record,
                                 const step_attempt& made, call_class purpose) {
  auto context = context_of(definition, record);
  context.step = sender_of(made.step);
  outbound_call call;
  call.purpose = purpose;
  call.job = record.id;
  call.method = request.method;
  call.connection = request.connection;
  call.timeout = policy.attempt_timeout;
  if (made.element != nullptr) {
    context.item = &made.element->item;
    context.index = made.element->index;
    if (made.element->answer != nullptr)
      set_own_answer(context, *made.element);
  }
  if (made.prepared != nullptr)
    context.prepared = made.prepared;
  auto url = url_of(request, context);
  if (auto* failed = std::get_if<error>(&url))
    return std::move(*failed);
  call.url = std::get<std::string>(std::move(url));
  // With a Content-Type, the idempotency key and the trace's two.
  call.headers.reserve(request.headers.size() + 4);
  if (auto failed = add_headers(request, context, call.headers))
    return std::move(*failed);
  if (auto failed = add_content(request, context, call))
    return std::move(*failed);
  call.headers.push_back({"Idempotency-Key", record.id + '.' + made.step});
  add_trace(record,
            made.number == 0 ? span_id_of(record.id, made.step, made.began)
                             : span_id_of(record.id, made.step, made.number),
            call.headers);
  return call;
}

namespace {

template <class T>
std::optional<error> failure_of(const result<T>& rendered) {
  const auto* failed = std::get_if<error>(&rendered);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

} // namespace

std::optional<std::string> missing_value(const flow& definition,
                                         const job& record) {
  const auto context = context_of(definition, record);
  for (const auto& [text, place] : definition.required_values)
    if (const auto why = place ? failure_of(text.render(context, *place))
                               : failure_of(text.render_json(context)))
      return why->detail + "; the flow needs it of the webhook";
  return std::nullopt;
}

result<std::optional<step_element>> element_for(const flow& definition,
                                                const job& record,
                                                const step_record& step) {
  const auto* whole =
    step.of.empty() ? nullptr : find_sub_action(definition, step.of);
  if (whole == nullptr || !whole->for_each)
    return std::optional<step_element>{};
  auto found = elements_of(*whole->for_each, context_of(definition, record));
  if (auto* failed = std::get_if<error>(&found))
    return std::move(*failed);
  auto& all = std::get<std::vector<nlohmann::json>>(found);
  const auto at = element_of(step);
  if (at >= all.size())
    return error{error_kind::template_failed, "\"for_each\" has no element "
                                                + std::to_string(at)
                                                + " any more"};
  return std::optional{step_element{
    std::move(all[at]), at, step.of,
    step.status == sub_action_status::succeeded ? &step.answer : nullptr}};
}

answer_reading read_answer(const flow& definition,
                           const request_template& request, const job& record,
                           const exchange& done, bool wants_answer,
                           const judged_through& through) {
  static const outcome_rules none;
  static const std::vector<int> no_status;
  const auto* shared = through.connection.get();
  template_context context;
  // Without rules no expression is asked for.
  if (request.answers.any() || (shared != nullptr && !shared->outcome.empty()))
    context = context_of(definition, record);
  if (through.element != nullptr) {
    context.item = &through.element->item;
    context.index = through.element->index;
  }
  if (through.prepared != nullptr)
    context.prepared = through.prepared;
  context.step = sender_of(through.step);
  auto reading = read_answer(
    request.answers, shared != nullptr ? shared->outcome : none, done, context,
    [&](std::string text) { return masked(definition, std::move(text)); },
    wants_answer);
  judge_token(reading, done,
              shared != nullptr ? shared->auth.refresh_on : no_status,
              through.again);
  return reading;
}

result<outbound_call> build_callback(const callback_rule& to, const job& record,
                                     const step_record& step,
                                     std::uint32_t number, wall_time now) {
  const auto event = event_of(step.name);
  // As it was when that came about, whatever has become of the job since.
  const auto status = event == "cloned" ? name(job_status::running) : event;
  const nlohmann::json body{{"type", "job." + std::string{event}},
                            {"timestamp", timestamp(step.added.value_or(now))},
                            {"data",
                             {{"job", record.id},
                              {"flow", record.flow},
                              {"uid", record.clone.uid},
                              {"status", status}}}};
  outbound_call call;
  call.purpose = call_class::sub_action;
  call.job = record.id;
  call.method = "POST";
  call.url = to.url;
  call.timeout = to.retry.attempt_timeout;
  call.body = json_text(body);
  const auto id = record.id + '_' + step.name;
  const auto seconds =
    std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch())
      .count();
  call.headers = {{"Content-Type", "application/json"},
                  {"webhook-id", id},
                  {"webhook-timestamp", std::to_string(seconds)}};
  add_trace(
    record,
    span_id_of(record.id, full_name(step_kind::callback, step.name), number),
    call.headers);
  if (!to.secret.empty()) {
    auto signature = sign_standard_webhook(to.secret, id, now, call.body);
    if (auto* failed = std::get_if<error>(&signature))
      return std::move(*failed);
    call.headers.push_back(
      {"webhook-signature", std::get<std::string>(std::move(signature))});
  }
  return call;
}

} // namespace handoff
