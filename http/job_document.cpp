#include "http/job_document.hpp"

#include "job/credential.hpp"
#include "job/timestamp.hpp"

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

json attempts_of(const std::vector<attempt>& attempts) {
  auto list = json::array();
  for (const auto& each : attempts)
    list.push_back(
      {{"number", each.number},
       {"started", timestamp(each.started)},
       {"duration_ms",
        each.ended ? json(each.duration.count()) : json(nullptr)},
       {"http_status",
        each.http_status != 0 ? json(each.http_status) : json(nullptr)},
       {"error", text_of(each.failure)},
       {"worker", each.worker},
       {"counted", each.counted}});
  return list;
}

json steps_of(const std::vector<step_record>& steps) {
  auto list = json::array();
  for (const auto& each : steps)
    list.push_back({{"name", each.name},
                    {"status", name(each.status)},
                    {"error", text_of(each.failure)},
                    {"next_attempt", time_or_null(each.next_attempt)},
                    {"attempts", attempts_of(each.attempts)}});
  return list;
}

json request_of(const webhook& hook) {
  auto fields = json::array();
  for (const auto& each : hook.headers)
    fields.push_back(
      {{"name", each.name},
       {"value", is_credential(each.name) ? "***" : each.value}});
  auto query = json::array();
  for (const auto& [name, value] : hook.query)
    query.push_back(
      {{"name", name}, {"value", is_credential(name) ? "***" : value}});
  return {{"headers", std::move(fields)},
          {"query", std::move(query)},
          {"body", hook.body}};
}

json reply_of(const job& record) {
  if (!record.reply)
    return nullptr;
  return {{"at", timestamp(record.reply->at)},
          {"status", record.reply->status},
          {"written", record.reply->written},
          {"after_ms",
           duration_cast<milliseconds>(record.reply->at - record.hook.received)
             .count()}};
}

} // namespace

json job_document(const job& record) {
  return {{"job", record.id},
          {"flow", record.flow},
          {"flow_version", record.flow_version},
          {"status", name(record.status)},
          {"uid", record.clone.uid},
          {"received", timestamp(record.hook.received)},
          {"deadline", timestamp(record.deadline)},
          {"finished", time_or_null(record.finished)},
          {"trace_id", record.hook.trace.trace_id},
          {"request", request_of(record.hook)},
          {"reply", reply_of(record)},
          {"clone",
           {{"error", text_of(record.clone.failure)},
            {"next_attempt", time_or_null(record.clone.next_attempt)},
            {"attempts", attempts_of(record.clone.attempts)}}},
          {"sub_actions", steps_of(record.sub_actions)},
          {"compensations", steps_of(record.compensations)},
          {"callbacks", steps_of(record.callbacks)}};
}

} // namespace handoff
