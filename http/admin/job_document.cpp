#include "http/admin/job_document.hpp"

#include "job/credential.hpp"
#include "job/excerpt.hpp"
#include "job/outcome.hpp"
#include "job/timestamp.hpp"

#include <algorithm>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

json time_or_null(const std::optional<wall_time>& when) {
  return when ? json(timestamp(*when)) : json(nullptr);
}

json text_of(const std::optional<error>& failure) {
  if (!failure)
    return nullptr;
  return std::string{name(failure->kind)} + ": " + failure->detail;
}

void add_response(json& row, const attempt& made) {
  if (made.response)
    row["response"] = {{"content_type", made.response->content_type},
                       {"body", made.response->body},
                       {"truncated", made.response->is_cut}};
}

/// Of the attempt that is the last look for what a step waits for, that of the
/// look.
std::string span_id_of_attempt(const job& record, const std::string& step,
                               const attempt& made,
                               const std::vector<inquiry>& inquiries) {
  for (const auto& each : inquiries)
    if (is_last_look(each, made))
      return span_id_of(record.id, step, made.started);
  return span_id_of(record.id, step, made.number);
}

json attempts_of(const job& record, const std::string& step,
                 const std::vector<attempt>& attempts,
                 const std::vector<inquiry>& inquiries = {}) {
  auto list = json::array();
  for (const auto& each : attempts) {
    list.push_back(
      {{"number", each.number},
       {"started", timestamp(each.started)},
       {"waiting_ms", each.ended ? json(each.waited.count()) : json(nullptr)},
       {"duration_ms",
        each.ended ? json(each.duration.count()) : json(nullptr)},
       {"http_status",
        each.http_status != 0 ? json(each.http_status) : json(nullptr)},
       {"error", text_of(each.failure)},
       {"worker", each.worker},
       {"span_id", span_id_of_attempt(record, step, each, inquiries)},
       {"counted", each.counted}});
    add_response(list.back(), each);
  }
  return list;
}

/// Those of a clone or a step, with what is not journaled yet.
json inquiries_of(const job& record, const std::optional<step_ref>& step,
                  const std::string& called, std::vector<inquiry> known,
                  const std::vector<step_inquiry>& open) {
  for (const auto& each : open)
    if (each.step == step)
      put_inquiry(known, each.made);
  auto list = json::array();
  for (const auto& each : known) {
    const auto& last = each.last;
    list.push_back(
      {{"name", each.name},
       {"count", last.number},
       {"first", timestamp(each.first)},
       {"started", timestamp(last.started)},
       {"duration_ms", last.duration.count()},
       {"http_status",
        last.http_status != 0 ? json(last.http_status) : json(nullptr)},
       {"finding", each.finding},
       {"error", text_of(last.failure)},
       {"worker", last.worker},
       {"span_id",
        span_id_of(record.id, called_as(called, each), last.started)}});
    add_response(list.back(), last);
  }
  return list;
}

json list_of_steps(const job& record, step_kind kind,
                   const std::vector<step_inquiry>& open) {
  auto list = json::array();
  std::size_t at = 0;
  for (const auto& each : steps_of(record, kind)) {
    const step_ref step{kind, at++};
    // Its elements stand for it.
    if (each.elements.value_or(0) > 0)
      continue;
    const bool is_unwanted =
      each.status == sub_action_status::skipped && is_satisfied(each);
    list.push_back(
      {{"name", each.name},
       {"status", name(each.status)},
       {"error", is_unwanted ? json() : text_of(each.failure)},
       {"next_attempt", time_or_null(each.next_attempt)},
       {"attempts", attempts_of(record, full_name(kind, each.name),
                                each.attempts, each.inquiries)},
       {"inquiries", inquiries_of(record, step, full_name(kind, each.name),
                                  each.inquiries, open)}});
    if (is_unwanted)
      list.back()["reason"] = name(error_kind::when_false);
    if (!each.of.empty())
      list.back()["of"] = each.of;
    if (each.wait_ends)
      list.back()["wait_ends"] = timestamp(*each.wait_ends);
  }
  return list;
}

/// The same document without what its members' names say is secret, also as
/// elements of an array.
json masked_members(json document, bool is_secret = false) {
  if (document.is_object()) {
    for (auto& [name, value] : document.items())
      value = masked_members(std::move(value), is_credential(name));
    return document;
  }
  if (document.is_array()) {
    for (auto& each : document)
      each = masked_members(std::move(each), is_secret);
    return document;
  }
  return is_secret ? json("***") : document;
}

/// The body as JSON; as text where it cannot be read.
json body_of(const webhook& hook) {
  auto read = hook.body.read();
  if (auto* document = std::get_if<json>(&read))
    return masked_members(std::move(*document));
  return std::string{hook.body.bytes()};
}

/// The same document with `hidden` masked in every text.
json without(const secrets& hidden, json document) {
  if (hidden.empty())
    return document;
  if (document.is_string())
    return masked(hidden, std::move(document.get_ref<std::string&>()));
  if (document.is_structured())
    for (auto& each : document)
      each = without(hidden, std::move(each));
  return document;
}

constexpr std::size_t raw_bytes_max = 64 * 1024;
const std::string form_type = "application/x-www-form-urlencoded";

/// The body as its bytes came, masked. What is no UTF-8 has U+FFFD in its
/// place.
std::string raw_body_of(const webhook& hook, const secrets& hidden) {
  const auto* type = find_header(hook.headers, "Content-Type");
  // A form without its content type is one all the same.
  auto text = masked_request_body(as_utf8(hook.body.bytes()),
                                  hook.body.format().is_form ? form_type
                                  : type != nullptr          ? *type
                                                             : std::string{});
  return hidden.empty() ? text : masked(hidden, std::move(text));
}

json request_of(const webhook& hook, const secrets& hidden) {
  auto fields = json::array();
  for (const auto& each : hook.headers)
    fields.push_back(
      {{"name", each.name},
       {"value", is_credential(each.name) ? "***" : each.value}});
  auto query = json::array();
  for (const auto& [name, value] : hook.query)
    query.push_back(
      {{"name", name}, {"value", is_credential(name) ? "***" : value}});
  auto raw = raw_body_of(hook, hidden);
  json made{{"headers", std::move(fields)},
            {"query", std::move(query)},
            {"body", body_of(hook)}};
  made = without(hidden, std::move(made));
  if (raw.size() > raw_bytes_max)
    made["truncated"] = true;
  made["raw"] = cut_text(std::move(raw), raw_bytes_max);
  return made;
}

milliseconds since_received(const job& record, wall_time when) {
  return duration_cast<milliseconds>(when - record.hook.received);
}

/// How much of the time before the reply an upstream had for the clone, once
/// that is known.
std::optional<milliseconds> clone_time(const job& record) {
  const auto until = record.reply->at;
  wall_time::duration sum{0};
  for (const auto& each : record.clone.attempts) {
    // Of one without an end nobody knows yet how much of it was waiting.
    if (!each.ended)
      return std::nullopt;
    const auto from = each.started + each.waited;
    sum += std::max(std::min(from + each.duration, until) - from,
                    wall_time::duration{0});
  }
  return duration_cast<milliseconds>(sum);
}

json reply_of(const job& record) {
  if (!record.reply)
    return nullptr;
  const auto in_clone = clone_time(record);
  return {{"at", timestamp(record.reply->at)},
          {"status", record.reply->status},
          {"written", record.reply->written},
          {"after_ms", since_received(record, record.reply->at).count()},
          {"limit_ms", since_received(record, record.deadline).count()},
          {"clone_ms", in_clone ? json(in_clone->count()) : json()}};
}

json waiting_of(const std::vector<waiting_step>& waiting) {
  auto list = json::array();
  for (const auto& each : waiting)
    list.push_back({{"step", each.step},
                    {"upstream", each.upstream},
                    {"since", timestamp(each.since)}});
  return list;
}

} // namespace

std::optional<std::string> trouble_of(const job& record) {
  if (record.clone.failure)
    return "clone: " + record.clone.failure->detail;
  const step_record* found = nullptr;
  const auto look = [&](step_kind kind) {
    for (const auto& each : steps_of(record, kind))
      if (found == nullptr && each.status == sub_action_status::failed
          && each.failure)
        found = &each;
  };
  look(step_kind::sub_action);
  if (found != nullptr)
    return found->name + ": " + found->failure->detail;
  look(step_kind::compensation);
  if (found != nullptr)
    return "undo " + found->name + ": " + found->failure->detail;
  return std::nullopt;
}

json job_document(const job& record, const std::vector<waiting_step>& waiting,
                  const secrets& hidden,
                  const std::vector<step_inquiry>& open) {
  return {
    {"job", record.id},
    {"flow", record.flow},
    {"flow_version", record.flow_version},
    {"status", name(record.status)},
    {"title",
     record.title.empty() ? json() : json(masked(hidden, record.title))},
    {"uid", record.clone.uid},
    {"received", timestamp(record.hook.received)},
    {"deadline", timestamp(record.deadline)},
    {"finished", time_or_null(record.finished)},
    {"cancel_requested", time_or_null(record.cancel_requested)},
    {"waiting", waiting_of(waiting)},
    {"trace_id", record.hook.trace.trace_id},
    {"request", request_of(record.hook, hidden)},
    {"reply", reply_of(record)},
    {"clone",
     {{"error", text_of(record.clone.failure)},
      {"next_attempt", time_or_null(record.clone.next_attempt)},
      {"attempts", attempts_of(record, "clone", record.clone.attempts)},
      {"inquiries", inquiries_of(record, std::nullopt, "clone",
                                 record.clone.inquiries, open)}}},
    {"sub_actions", list_of_steps(record, step_kind::sub_action, open)},
    {"compensations", list_of_steps(record, step_kind::compensation, open)},
    {"callbacks", list_of_steps(record, step_kind::callback, open)}};
}

} // namespace handoff
