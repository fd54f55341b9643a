// What is promised of all that the journal is told.

#include "job/json_text.hpp"
#include "tools/handoff/rehearsal/promises.hpp"

#include <algorithm>

namespace handoff::rehearsal {
namespace {

/// Jobs that operators choose from.
constexpr std::size_t newest_max = 256;

std::string_view event_kind_of(const job_event& event) {
  constexpr std::string_view names[] = {
    "job_accepted",     "clone_attempt_begun", "clone_attempt_ended",
    "clone_succeeded",  "clone_settled",       "step_begun",
    "step_ended",       "step_settled",        "job_finished",
    "sender_replied",   "job_recovered",       "job_handed_back",
    "key_released",     "clone_reopened",      "steps_added",
    "cancel_requested", "definition_changed",  "job_rested",
    "clone_accepted",   "wait_begun",          "clone_prepared",
    "polling_resumed",  "steps_expanded",      "prepare_postponed"};
  static_assert(std::size(names) == std::variant_size_v<job_change>);
  return names[event.change.index()];
}

std::string text_of(const nlohmann::json& uid) {
  return uid.is_string() ? uid.get<std::string>() : json_text(uid);
}

std::string key_of(const std::string& flow, const std::string& key) {
  return flow + '\n' + key;
}

} // namespace

void promises::committed(const job_event& event) {
  note(2 + event.change.index(), event.job);
  if (const auto* change = std::get_if<job_accepted>(&event.change)) {
    accept(event, *change);
    return;
  }
  auto* which = find(event.job);
  if (which == nullptr)
    return; // an event of a job that is not known changes nothing
  const bool is_new = apply(which->folded, event);
  if (is_told(event.job))
    tell(event.job, "journaled: " + std::string{event_kind_of(event)}
                      + (event.step.empty() ? "" : " of " + event.step)
                      + (is_new ? ", now " : " once more, ")
                      + std::string{name(which->folded.status)});
  if (is_new)
    take(event);
}

void promises::accept(const job_event& event, const job_accepted& change) {
  const auto& record = *change.record;
  const auto [at, is_new] = jobs_.try_emplace(event.job);
  if (!is_new)
    return;
  ++report_.jobs;
  tell(event.job, "journaled: accepted, of flow " + record.flow);
  auto& which = at->second;
  if (const auto known = posted_.find(event.job); known != posted_.end()) {
    which.webhook = known->second;
    posted_.erase(known);
  }
  which.definition = rules_.flow_of(record.flow_version);
  which.received = record.hook.received;
  which.random = number_of(event.job);
  apply(which.folded, event);
  if (record.claim) {
    which.key = key_of(record.flow, record.claim->key);
    auto& held = keys_[which.key];
    if (!held.first.empty() && held.first != event.job && held.second > event.at
        && jobs_.contains(held.first) && jobs_.at(held.first).key == which.key
        && !rules_.is_gone(held.first))
      fail("one key makes one job",
           "the jobs " + held.first + " and " + event.job
             + " have the same idempotency key",
           event.job, held.first);
    held = {event.job, record.claim->expires};
  }
  if (newest_.size() < newest_max)
    newest_.push_back(event.job);
  else
    newest_[newest_at_++ % newest_max] = event.job;
}

/// What the events of a job that is known mean to who looks from outside.
struct promises::teller {
  promises& to;
  job_truth& which;
  const job_event& event;

  step_truth& step_of(step_kind kind) const {
    return which.steps[full_name(kind, event.step)];
  }

  void settle(job_status status) const {
    which.status = status;
    if (is_final(status) || status == job_status::ambiguous)
      to.ended(which, event.job, event.at);
  }

  void operator()(const clone_attempt_begun&) const {
    which.status = job_status::cloning;
  }

  void operator()(const clone_succeeded& change) const {
    if (!which.uid.empty())
      return;
    which.uid = text_of(change.uid);
    which.status = job_status::running;
  }

  void operator()(const clone_settled& change) const {
    if (!which.uid.empty())
      return;
    if (change.status == job_status::cancelled)
      cancelled();
    settle(change.status);
  }

  void cancelled() const {
    which.cancel_journaled = true;
    which.was_cancelled = true;
  }

  void retried() const {
    which.cancel_told = false;
    which.cancel_journaled = false;
  }

  void operator()(const clone_reopened&) const {
    if (!which.uid.empty())
      return;
    if (which.status == job_status::ambiguous)
      which.may_clone_again = true; // a person has said so
    retried();
    which.status = job_status::cloning;
  }

  void operator()(const polling_resumed&) const {
    retried();
    which.status = job_status::cloning;
  }

  void operator()(const cancel_requested&) const { cancelled(); }

  void operator()(const step_ended& change) const {
    auto& step = step_of(change.step.kind);
    if (step.success != 0)
      return;
    if (change.status == sub_action_status::succeeded) {
      if (change.step.kind == step_kind::sub_action)
        step.success = ++which.successes;
      else
        step.success = 1;
      if (step.effects == 0)
        to.fail("a success was one",
                "the journal says that " + event.step
                  + " succeeded, its upstream does not",
                event.job);
    } else {
      step.is_over = is_final(change.status);
    }
  }

  void operator()(const step_begun& change) const {
    step_of(change.step.kind).is_over = false;
  }

  void operator()(const step_settled& change) const {
    auto& step = step_of(change.step.kind);
    if (step.success != 0)
      return;
    step.is_over = is_final(change.status);
    if (!step.is_over && change.step.kind != step_kind::callback)
      retried();
    if (change.status == sub_action_status::cancelled)
      cancelled();
    if (change.status == sub_action_status::skipped && step.calls > 0)
      to.fail("what is skipped was never attempted",
              event.step + " was called and is skipped", event.job);
  }

  void operator()(const steps_added& change) const {
    if (change.kind != step_kind::compensation)
      return;
    if (which.undoing.empty())
      ++to.report_.compensated;
    for (const auto& each : change.names)
      if (std::find(which.undoing.begin(), which.undoing.end(), each)
          == which.undoing.end())
        which.undoing.push_back(each);
    check_order();
  }

  void check_order() const {
    std::uint32_t before = which.successes + 1;
    for (const auto& each : which.undoing) {
      const auto success = each == "clone" ? 0 : which.steps[each].success;
      if (success >= before) {
        to.fail("what succeeded last is undone first",
                each + " is undone too late", event.job);
        return;
      }
      before = success;
    }
  }

  void operator()(const job_finished& change) const {
    if (change.status == job_status::cancelled)
      cancelled();
    if (change.status == job_status::succeeded && which.uid.empty())
      to.fail("no UID, no success", "the job succeeded without a UID",
              event.job);
    settle(change.status);
  }

  void operator()(const key_released& change) const {
    if (which.key.ends_with('\n' + change.key))
      which.key.clear();
  }

  void operator()(const definition_changed& change) const {
    if (auto now = to.rules_.flow_of(change.version))
      which.definition = std::move(now);
    // It may be what has the job go on, where nothing of it had to be retried.
    if (which.folded.status == job_status::running)
      retried();
    for (auto& [name, step] : which.steps)
      if (step.success == 0)
        step = {.calls = 0,
                .in_flight = step.in_flight,
                .effects = step.effects,
                .success = 0,
                .is_over = false,
                .ready = step.ready};
  }

  template <class Other>
  void operator()(const Other&) const {}
};

void promises::take(const job_event& event) {
  auto& which = jobs_.at(event.job);
  std::visit(teller{*this, which, event}, event.change);
}

} // namespace handoff::rehearsal
