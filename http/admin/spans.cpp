#include "http/admin/spans.hpp"

#include "job/trace.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* webhook_step = "webhook";

/// The attempt that an event ends, with the step that it is of.
struct ended_attempt {
  const attempt* made = nullptr;
  std::string step;
};

ended_attempt ended_by(const job_event& event) {
  const auto clone = [](const attempt* made) {
    return ended_attempt{made, "clone"};
  };
  const auto step = [&](const step_ref& which, const attempt& made) {
    return ended_attempt{&made, full_name(which.kind, event.step)};
  };
  if (const auto* ended = std::get_if<clone_attempt_ended>(&event.change))
    return clone(&ended->made);
  if (const auto* done = std::get_if<clone_succeeded>(&event.change))
    return clone(done->made ? &*done->made : nullptr);
  if (const auto* over = std::get_if<clone_settled>(&event.change))
    return clone(over->made ? &*over->made : nullptr);
  if (const auto* taken = std::get_if<clone_accepted>(&event.change))
    return clone(&taken->made);
  if (const auto* ended = std::get_if<step_ended>(&event.change))
    return step(ended->step, ended->made);
  if (const auto* waits = std::get_if<wait_begun>(&event.change))
    return step(waits->step, waits->made);
  return {};
}

/// Whether the attempt that the event ends went out as a look, which has its
/// span already.
bool is_look(const job_event& event) {
  const auto* ended = std::get_if<step_ended>(&event.change);
  return ended != nullptr
      && std::any_of(event.inquiries.begin(), event.inquiries.end(),
                     [&](const auto& each) {
                       return each.step == ended->step
                           && is_last_look(each.made, ended->made);
                     });
}

span of_job(const job_event& event) {
  span made;
  made.trace_id = event.trace_id;
  made.job = event.job;
  made.flow = event.flow;
  return made;
}

json text(const char* key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

json number(const char* key, std::int64_t value) {
  // Of 64 bits: a text, as the mapping of protobuf to JSON asks for.
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

std::string nanoseconds(wall_time when) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(
                          when.time_since_epoch())
                          .count());
}

json document_of(const span& each) {
  auto attributes = json::array(
    {text("handoff.job", each.job), text("handoff.flow", each.flow)});
  if (!each.step.empty())
    attributes.push_back(text("handoff.step", each.step));
  if (each.inquiry > 0)
    attributes.push_back(number("handoff.inquiry", each.inquiry));
  if (each.attempt > 0)
    attributes.push_back(number("handoff.attempt", each.attempt));
  if (!each.upstream.empty())
    attributes.push_back(text("server.address", each.upstream));
  if (each.http_status > 0)
    attributes.push_back(number("http.response.status_code", each.http_status));
  if (!each.failure.empty())
    attributes.push_back(text("error.type", each.failure));
  json made{{"traceId", each.trace_id},
            {"spanId", each.span_id},
            {"name", each.name},
            {"kind", static_cast<int>(each.kind)},
            {"startTimeUnixNano", nanoseconds(each.start)},
            {"endTimeUnixNano", nanoseconds(each.end)},
            {"attributes", std::move(attributes)},
            // 0: unset; 2: an error.
            {"status", {{"code", each.failure.empty() ? 0 : 2}}}};
  if (!each.parent_id.empty())
    made["parentSpanId"] = each.parent_id;
  return made;
}

/// Whether another one follows.
bool goes_on(const std::string& finding) {
  return finding == "not-yet" || finding == "not-found" || finding == "not-now"
      || finding == "no-answer";
}

} // namespace

std::optional<span> span_of(const job& record, const step_inquiry& asked) {
  const auto& call = asked.made.last;
  if (call.number > inquiry_spans_max && goes_on(asked.made.finding))
    return std::nullopt;
  std::string step = "clone";
  if (asked.step)
    step =
      full_name(asked.step->kind,
                steps_of(record, asked.step->kind)[asked.step->index].name);
  span made;
  made.trace_id = record.hook.trace.trace_id;
  made.job = record.id;
  made.flow = record.flow;
  made.name = called_as(step, asked.made);
  made.step = made.name;
  made.span_id = span_id_of(record.id, made.name, call.started);
  made.parent_id = span_id_of(record.id, webhook_step, 0u);
  made.start = call.started + call.waited;
  made.end = made.start + call.duration;
  made.inquiry = call.number;
  made.http_status = call.http_status;
  made.upstream = call.upstream;
  if (call.failure)
    made.failure = name(call.failure->kind);
  return made;
}

std::vector<span> span_maker::spans_of(const job_event& event) {
  if (const auto* accepted = std::get_if<job_accepted>(&event.change)) {
    if (waiting_.size() < waiting_max)
      waiting_[event.job] = arrival_of(accepted->record->hook);
    return {};
  }
  if (const auto* replied = std::get_if<sender_replied>(&event.change)) {
    const auto found = waiting_.find(event.job);
    if (found == waiting_.end())
      return {};
    auto made = of_job(event);
    made.span_id = span_id_of(event.job, webhook_step, 0u);
    made.parent_id = found->second.parent_id;
    made.name = "POST /hooks/" + event.flow;
    made.kind = span::span_kind::server;
    made.start = found->second.received;
    made.end = event.at;
    made.http_status = replied->status;
    if (replied->status >= 500 || !replied->written)
      made.failure =
        replied->written ? std::to_string(replied->status) : "sender-gone";
    waiting_.erase(found);
    return {std::move(made)};
  }
  const auto ended = ended_by(event);
  if (ended.made == nullptr || !ended.made->ended || is_look(event))
    return {};
  auto made = of_job(event);
  made.span_id = span_id_of(event.job, ended.step, ended.made->number);
  made.parent_id = span_id_of(event.job, webhook_step, 0u);
  made.name = ended.step;
  made.step = ended.step;
  made.start = ended.made->started + ended.made->waited;
  made.end = made.start + ended.made->duration;
  made.attempt = ended.made->number;
  made.http_status = ended.made->http_status;
  made.upstream = ended.made->upstream;
  if (ended.made->failure)
    made.failure = name(ended.made->failure->kind);
  return {std::move(made)};
}

span_maker::arrival span_maker::arrival_of(const webhook& hook) {
  const auto* sender = find_header(hook.headers, "traceparent");
  return {hook.received, sender != nullptr ? parent_span_of(*sender) : ""};
}

json otlp_document(const std::vector<span>& spans) {
  auto list = json::array();
  for (const auto& each : spans)
    list.push_back(document_of(each));
  return {
    {"resourceSpans",
     {{{"resource",
        {{"attributes",
          {text("service.name", "handoff"),
           text("service.version", HANDOFF_VERSION)}}}},
       {"scopeSpans",
        {{{"scope", {{"name", "handoff"}}}, {"spans", std::move(list)}}}}}}}};
}

} // namespace handoff
