#include "tests/journal/job_story.hpp"

#include "job/job_id.hpp"

namespace handoff {
namespace {

std::int64_t ms_of(wall_time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time)
    .time_since_epoch()
    .count();
}

nlohmann::json ms_of(const std::optional<wall_time>& time) {
  return time ? nlohmann::json(ms_of(*time)) : nlohmann::json();
}

nlohmann::json json_of(const std::optional<error>& failure) {
  if (!failure)
    return nullptr;
  return {name(failure->kind), failure->detail};
}

nlohmann::json json_of(const std::vector<attempt>& attempts) {
  auto all = nlohmann::json::array();
  for (const auto& each : attempts)
    all.push_back({each.number, ms_of(each.started), each.duration.count(),
                   each.http_status, json_of(each.failure), each.worker,
                   each.counted, each.ended, each.waited.count(),
                   each.response ? nlohmann::json{each.response->content_type,
                                                  each.response->body,
                                                  each.response->is_cut}
                                 : nlohmann::json()});
  return all;
}

nlohmann::json json_of(const webhook& hook) {
  auto fields = nlohmann::json::array();
  for (const auto& each : hook.headers)
    fields.push_back({each.name, each.value});
  return {hook.job,
          hook.flow,
          hook.body.bytes(),
          hook.body.format().is_form,
          hook.body.format().decode.size(),
          fields,
          hook.query,
          ms_of(hook.received),
          hook.trace.trace_id,
          hook.trace.flags,
          hook.trace.state};
}

attempt made(std::uint32_t number, bool ended) {
  attempt one;
  one.number = number;
  one.started = at(100 * number);
  one.worker = "worker-7";
  one.ended = ended;
  if (ended) {
    one.waited = std::chrono::milliseconds{7};
    one.duration = std::chrono::milliseconds{42};
    one.http_status = 200;
  }
  return one;
}

} // namespace

wall_time at(std::int64_t ms) {
  return wall_time{std::chrono::milliseconds{1'700'000'000'000 + ms}};
}

std::string nth_id(std::uint64_t n) {
  return job_id_from(at(static_cast<std::int64_t>(n)), {});
}

job_story::job_story(std::uint64_t n, std::string flow)
    : n_{n}, flow_{std::move(flow)}, id_{nth_id(n)} {}

job_event job_story::accepted() const {
  job record;
  record.id = id_;
  record.flow = flow_;
  record.flow_version = flow_ + "@1";
  record.title = "Straße " + std::to_string(n_);
  record.hook.job = id_;
  record.hook.flow = flow_;
  record.hook.body = webhook_body{
    R"({ "payload":"{}", "name":"Stra\u00dfe", "n":)" + std::to_string(n_)
      + '}',
    {n_ % 2 == 1, {{nlohmann::json::json_pointer{"/payload"}, false}}}};
  record.hook.headers = {{"Content-Type", "application/json"},
                         {"X-Raw", "\xff\xfe"}};
  record.hook.query = {{"a", "1"}, {"a", ""}};
  record.hook.received = at(static_cast<std::int64_t>(n_));
  record.hook.trace.trace_id = "0af7651916cd43dd8448eb211c80319c";
  record.hook.trace.state = "rojo=00f067aa0ba902b7";
  record.deadline = record.hook.received + std::chrono::seconds{10};
  return {id_, record.hook.received,
          job_accepted{record, std::make_shared<const nlohmann::json>(
                                 nlohmann::json{{"name", flow_}})}};
}

job_event job_story::accepted_with_key(std::string key,
                                       wall_time expires) const {
  auto event = accepted();
  auto& change = std::get<job_accepted>(event.change);
  auto record = *change.record;
  record.claim =
    idempotency_claim{std::move(key), std::string(64, 'a'), expires};
  change = job_accepted{std::move(record), change.definition};
  return event;
}

job_event job_story::clone_begun(std::uint32_t attempt) const {
  return {id_, at(1000), clone_attempt_begun{made(attempt, false)}};
}

job_event job_story::clone_failed(std::uint32_t attempt, wall_time next) const {
  auto ended = made(attempt, true);
  ended.http_status = 503;
  ended.failure = error{error_kind::upstream_status, "status 503"};
  ended.response = std::make_shared<const answer_excerpt>(
    answer_excerpt{"application/json", R"({"error":"zu groß"})", true});
  return {id_, at(1500), clone_attempt_ended{ended, next}};
}

job_event job_story::cloned(nlohmann::json uid,
                            std::vector<std::string> sub_actions) const {
  return {id_, at(2000),
          clone_succeeded{made(1, true), std::move(uid),
                          nlohmann::json{{"id", 7}, {"title", "copy"}},
                          std::move(sub_actions)}};
}

job_event job_story::settled(job_status status) const {
  auto ended = made(1, true);
  ended.failure = error{error_kind::connection_lost, "reset"};
  return {id_, at(2000),
          clone_settled{ended, status, error{error_kind::clone_failed, "no"}}};
}

job_event job_story::begun(std::size_t index, std::uint32_t attempt) const {
  return {id_, at(3000),
          step_begun{sub_action_at(index), made(attempt, false)}};
}

job_event job_story::ended(std::size_t index, std::uint32_t attempt,
                           sub_action_status status) const {
  step_ended change{sub_action_at(index), made(attempt, true), status, nullptr,
                    std::nullopt,         std::nullopt};
  if (status == sub_action_status::succeeded) {
    change.answer = {{"id", index}};
  } else {
    change.made.failure = error{error_kind::attempt_timed_out, "30 s"};
    change.failure = change.made.failure;
  }
  if (status == sub_action_status::retrying)
    change.next_attempt = at(9000);
  return {id_, at(4000), std::move(change)};
}

job_event job_story::skipped(std::size_t index) const {
  return {id_, at(4500),
          step_settled{sub_action_at(index), sub_action_status::skipped,
                       std::nullopt}};
}

job_event job_story::added(step_kind kind,
                           std::vector<std::string> names) const {
  return {id_, at(4600), steps_added{kind, std::move(names)}};
}

job_event job_story::begun(step_ref step) const {
  return {id_, at(4700), step_begun{step, made(1, false)}};
}

job_event job_story::ended(step_ref step) const {
  return {id_, at(4800),
          step_ended{step, made(1, true), sub_action_status::succeeded, nullptr,
                     std::nullopt, std::nullopt}};
}

job_event job_story::finished(job_status status, wall_time when) const {
  return {id_, when, job_finished{status}};
}

job_event job_story::replied() const {
  return {id_, at(2100), sender_replied{200, true}};
}

job_event job_story::recovered(wall_time when) const {
  return {id_, when, job_recovered{}};
}

std::vector<job_event> job_story::whole(wall_time finished_at) const {
  return {
    accepted(), clone_begun(), cloned(),
    replied(),  begun(0),      begun(1),
    ended(0),   ended(1),      finished(job_status::succeeded, finished_at)};
}

std::string text_of(const job& record) {
  nlohmann::json all;
  all["job"] = {record.id,    record.flow,         record.flow_version,
                record.title, name(record.status), ms_of(record.deadline)};
  all["hook"] = json_of(record.hook);
  if (record.claim)
    all["claim"] = {record.claim->key, record.claim->fingerprint,
                    ms_of(record.claim->expires)};
  all["clone"] = {json_of(record.clone.attempts),
                  record.clone.uid,
                  record.clone.answer,
                  json_of(record.clone.failure),
                  ms_of(record.clone.next_attempt),
                  ms_of(record.clone.pause_begun),
                  ms_of(record.clone.throttled_since),
                  record.clone.throttled,
                  record.clone.prepared};
  if (const auto& accepted = record.clone.accepted)
    all["accepted"] = {accepted->answer, ms_of(accepted->ends)};
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback})
    for (const auto& each : steps_of(record, kind))
      all["steps"].push_back(
        {static_cast<int>(kind), each.name, name(each.status),
         json_of(each.attempts), each.answer, json_of(each.failure),
         ms_of(each.next_attempt), ms_of(each.pause_begun), ms_of(each.added),
         ms_of(each.throttled_since), each.throttled, ms_of(each.wait_ends),
         each.of, each.elements.value_or(0)});
  if (record.reply)
    all["reply"] = {ms_of(record.reply->at), record.reply->status,
                    record.reply->written};
  all["end"] = {ms_of(record.finished), record.recoveries};
  return all.dump(1, ' ', true, nlohmann::json::error_handler_t::replace);
}

} // namespace handoff
