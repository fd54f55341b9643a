#include "job/event.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

bool same_time(std::optional<wall_time> left, wall_time right) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  // A journal keeps milliseconds, and its times must tell a repetition too.
  return left && floor<milliseconds>(*left) == floor<milliseconds>(right);
}

/// Gives whether `made` tells something new.
bool put(std::vector<attempt>& attempts, const attempt& made) {
  const auto found =
    std::find_if(attempts.begin(), attempts.end(), [&](const attempt& each) {
      return each.number == made.number;
    });
  if (found == attempts.end()) {
    attempts.push_back(made);
    return true;
  }
  if (found->ended || !made.ended)
    return false;
  *found = made;
  return true;
}

struct applier {
  job& record;
  wall_time at;

  void reopen(job_status status) const {
    record.status = status;
    record.finished.reset();
  }

  /// A job that calls back has its end behind it all the same.
  void take_up(step_kind kind) const {
    if (kind != step_kind::callback)
      reopen(job_status::running);
  }

  bool operator()(const job_accepted& change) const {
    if (!record.id.empty())
      return false;
    record = *change.record;
    return true;
  }

  bool operator()(const clone_attempt_begun& change) const {
    if (!put(record.clone.attempts, change.made))
      return false;
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const clone_attempt_ended& change) const {
    if (!put(record.clone.attempts, change.made))
      return false;
    record.clone.next_attempt = change.next_attempt;
    return true;
  }

  bool operator()(const clone_succeeded& change) const {
    // A UID is known once: were it taken twice, the sub-actions that have
    // succeeded since would run again.
    if (!record.clone.uid.is_null())
      return false;
    if (change.made)
      put(record.clone.attempts, *change.made);
    record.clone.uid = change.uid;
    record.clone.answer = change.answer;
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    record.sub_actions.clear();
    for (const auto& name : change.sub_actions)
      record.sub_actions.emplace_back().name = name;
    reopen(job_status::running);
    return true;
  }

  bool operator()(const clone_settled& change) const {
    // Settles the last attempt or none: an earlier one was settled before.
    const auto& attempts = record.clone.attempts;
    if (change.made && !attempts.empty()
        && change.made->number < attempts.back().number)
      return false;
    const bool told = change.made && put(record.clone.attempts, *change.made);
    if (!told && record.status == change.status
        && record.clone.failure == change.failure)
      return false;
    record.clone.failure = change.failure;
    record.clone.next_attempt.reset();
    reopen(change.status);
    if (is_final(change.status))
      record.finished = at;
    return true;
  }

  bool operator()(const clone_reopened&) const {
    if (!record.clone.uid.is_null() || record.status == job_status::cloning)
      return false;
    for (auto& each : record.clone.attempts)
      each.ended = true;
    record.clone.failure.reset();
    record.clone.next_attempt = at;
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const step_begun& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || !put(step->attempts, change.made))
      return false;
    if (step->status == sub_action_status::succeeded)
      return true;
    step->status = sub_action_status::running;
    step->failure.reset();
    step->next_attempt.reset();
    take_up(change.step.kind);
    return true;
  }

  bool operator()(const step_ended& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || !put(step->attempts, change.made))
      return false;
    // What succeeded stays so, whatever comes late of another attempt.
    if (step->status == sub_action_status::succeeded)
      return true;
    step->status = change.status;
    step->answer = change.answer;
    step->failure = change.failure;
    step->next_attempt = change.next_attempt;
    return true;
  }

  bool operator()(const step_settled& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || step->status == sub_action_status::succeeded
        || (step->status == change.status && step->failure == change.failure))
      return false;
    step->status = change.status;
    step->failure = change.failure;
    step->next_attempt.reset();
    if (!is_final(change.status)) {
      step->forgiven = counted_attempts(step->attempts);
      take_up(change.step.kind);
    }
    return true;
  }

  bool operator()(const steps_added& change) const {
    auto& steps = steps_of(record, change.kind);
    bool added = false;
    for (const auto& name : change.names) {
      if (std::any_of(steps.begin(), steps.end(),
                      [&](const auto& each) { return each.name == name; }))
        continue;
      auto& step = steps.emplace_back();
      step.name = name;
      step.added = at;
      added = true;
    }
    return added;
  }

  bool operator()(const job_finished& change) const {
    if (record.status == change.status && record.finished)
      return false;
    reopen(change.status);
    if (is_final(change.status))
      record.finished = at;
    return true;
  }

  bool operator()(const sender_replied& change) const {
    const auto& known = record.reply;
    if (known && known->status == change.status
        && known->written == change.written)
      return false;
    record.reply = reply_record{at, change.status, change.written};
    return true;
  }

  bool operator()(const job_recovered&) const {
    if (same_time(record.recovered, at))
      return false;
    record.recovered = at;
    ++record.recoveries;
    return true;
  }

  bool operator()(const job_handed_back&) const {
    return std::exchange(record.recoveries, 0) > 0;
  }

  bool operator()(const key_released& change) const {
    if (!record.claim || record.claim->key != change.key)
      return false;
    record.claim.reset();
    return true;
  }
};

} // namespace

job_event make_event(const job& record, wall_time at, job_change change) {
  return {record.id, at, std::move(change), record.flow,
          record.hook.trace.trace_id};
}

bool apply(job& record, const job_event& event) {
  if (!std::visit(applier{record, event.at}, event.change))
    return false;
  // What has only begun may be just what ends the process.
  const bool got_further =
    !std::holds_alternative<job_recovered>(event.change)
    && !std::holds_alternative<sender_replied>(event.change)
    && !std::holds_alternative<clone_attempt_begun>(event.change)
    && !std::holds_alternative<step_begun>(event.change);
  if (got_further)
    record.recoveries = 0;
  return true;
}

} // namespace handoff
