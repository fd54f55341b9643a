#include "http/admin/event_text.hpp"

#include "job/json_text.hpp"
#include "job/timestamp.hpp"

#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

// Of an error: the whole of it is in the job's document.
constexpr std::size_t error_bytes_max = 300;

std::string line_of(const json& data) {
  return json_text(data);
}

json text_of(const error& failure) {
  auto text = std::string{name(failure.kind)} + ": " + failure.detail;
  if (text.size() > error_bytes_max)
    text.resize(error_bytes_max);
  return text;
}

const char* name_of(step_kind kind) {
  return kind == step_kind::compensation ? "compensation"
       : kind == step_kind::callback     ? "callback"
                                         : "sub_action";
}

/// Writes down what a change means, with the job and the time of its event.
class writer {
public:
  explicit writer(const job_event& event) : event_{event} {}

  void operator()(const job_accepted& change) {
    job(job_status::cloning, {{"flow", change.record->flow}});
  }

  void operator()(const clone_attempt_begun& change) {
    clone("running", change.made);
  }

  void operator()(const clone_attempt_ended& change) {
    clone("retrying", change.made, change.next_attempt);
  }

  void operator()(const clone_succeeded& change) {
    if (change.made)
      clone("succeeded", *change.made);
    job(job_status::running, {{"uid", change.uid}});
  }

  void operator()(const clone_settled& change) {
    if (change.made)
      clone(name(change.status), *change.made);
    job(change.status, {{"error", text_of(change.failure)}});
  }

  void operator()(const clone_reopened&) { job(job_status::cloning); }

  void operator()(const step_begun& change) {
    auto data = step(change.step, sub_action_status::running);
    add_attempt(data, change.made);
    put("step", std::move(data));
  }

  void operator()(const step_ended& change) {
    auto data = step(change.step, change.status);
    add_attempt(data, change.made, change.next_attempt);
    put("step", std::move(data));
  }

  void operator()(const step_settled& change) {
    auto data = step(change.step, change.status);
    if (change.failure)
      data["error"] = text_of(*change.failure);
    put("step", std::move(data));
    // Somebody wants it again, which takes a job up that was final.
    if (change.status == sub_action_status::waiting
        && change.step.kind != step_kind::callback)
      job(job_status::running);
  }

  void operator()(const steps_added& change) {
    put("steps", {{"kind", name_of(change.kind)}, {"names", change.names}});
  }

  void operator()(const job_finished& change) { job(change.status); }

  void operator()(const sender_replied& change) {
    put("reply", {{"http_status", change.status}, {"written", change.written}});
  }

  void operator()(const job_recovered&) {}

  void operator()(const job_handed_back&) {}

  void operator()(const job_rested&) {}

  void operator()(const clone_accepted& change) {
    clone("accepted", change.made);
  }

  void operator()(const wait_begun& change) {
    auto data = step(change.step, sub_action_status::retrying);
    add_attempt(data, change.made, change.next_look);
    data["wait_ends"] = timestamp(change.ends);
    put("step", std::move(data));
  }

  void operator()(const clone_prepared&) {}

  void operator()(const prepare_postponed&) {}

  void operator()(const polling_resumed&) { job(job_status::cloning); }

  void operator()(const steps_expanded& change) {
    auto names = json::array();
    for (std::size_t at = 0; at < change.count; ++at)
      names.push_back(element_name(event_.step, at));
    put("steps", {{"kind", name_of(change.step.kind)},
                  {"of", event_.step},
                  {"names", std::move(names)}});
  }

  void operator()(const cancel_requested&) { put("cancel", json::object()); }

  void operator()(const definition_changed& change) {
    put("definition", {{"version", change.version}});
  }

  void operator()(const key_released&) {}

  std::vector<event_text> take() { return std::move(made_); }

private:
  void put(const char* as, json data) {
    data["job"] = event_.job;
    data["at"] = timestamp(event_.at);
    made_.push_back({event_.job, as, line_of(data)});
  }

  void job(job_status status, json more = json::object()) {
    more["status"] = name(status);
    put("job", std::move(more));
  }

  void clone(std::string_view status, const attempt& made,
             const std::optional<wall_time>& next = {}) {
    json data{{"status", status}};
    add_attempt(data, made, next);
    put("clone", std::move(data));
  }

  json step(const step_ref& which, sub_action_status status) const {
    return {{"kind", name_of(which.kind)},
            {"name", event_.step},
            {"status", name(status)}};
  }

  static void add_attempt(json& to, const attempt& made,
                          const std::optional<wall_time>& next = {}) {
    to["attempt"] = made.number;
    if (!made.ended)
      return;
    to["duration_ms"] = made.duration.count();
    to["http_status"] = made.http_status != 0 ? json(made.http_status) : json();
    to["error"] = made.failure ? text_of(*made.failure) : json();
    to["next_attempt"] = next ? json(timestamp(*next)) : json();
  }

  const job_event& event_;
  std::vector<event_text> made_;
};

} // namespace

std::vector<event_text> texts_of(const job_event& event) {
  writer to{event};
  std::visit(to, event.change);
  return to.take();
}

event_text text_of(const supervision_change& change, wall_time at) {
  json data{{"what", change.what}, {"at", timestamp(at)}};
  if (!change.actor.empty())
    data["actor"] = change.actor;
  if (!change.job.empty()) {
    data["job"] = change.job;
    data["sub_action"] =
      change.sub_action.empty() ? json() : json(change.sub_action);
  }
  return {std::string{change.job}, "supervision", line_of(data)};
}

event_text breaker_text(std::string_view host, std::string_view state,
                        wall_time at) {
  return {"", "breaker",
          line_of({{"host", host}, {"state", state}, {"at", timestamp(at)}})};
}

} // namespace handoff
