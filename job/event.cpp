#include "job/event.hpp"

#include "job/claim.hpp"
#include "job/plan.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

namespace handoff {
namespace {

bool same_time(std::optional<wall_time> left, wall_time right) {
  using std::chrono::floor;
  using std::chrono::milliseconds;
  // A journal keeps milliseconds, and its times must tell a repetition too.
  return left && floor<milliseconds>(*left) == floor<milliseconds>(right);
}

/// Keeps the first attempts and the last ones.
void trim(std::vector<attempt>& attempts) {
  if (attempts.size() > first_attempts_kept + last_attempts_kept)
    attempts.erase(attempts.begin()
                   + static_cast<std::ptrdiff_t>(first_attempts_kept));
}

/// Lets go of what a record need not have. An upstream that fails says the same
/// again and again: one copy will do.
void make_small(std::vector<attempt>& attempts, std::uint32_t number) {
  const auto made =
    std::find_if(attempts.begin(), attempts.end(),
                 [&](const attempt& each) { return each.number == number; });
  if (made == attempts.end())
    return;
  made->upstream.clear();
  if (made == attempts.begin() || !made->response)
    return;
  const auto& before = std::prev(made)->response;
  if (before && *before == *made->response)
    made->response = before;
}

/// Puts the attempt into those of `step`, a clone or a step; gives whether it
/// tells something new.
template <class Step>
bool put(Step& step, const attempt& made) {
  auto& attempts = step.attempts;
  const auto found =
    std::find_if(attempts.begin(), attempts.end(), [&](const attempt& each) {
      return each.number == made.number;
    });
  if (found == attempts.end()) {
    // One that is no longer kept is older than the last one.
    if (!attempts.empty() && made.number < attempts.back().number)
      return false;
    attempts.push_back(made);
    trim(attempts);
  } else if (found->ended || !made.ended) {
    return false;
  } else {
    *found = made;
  }
  make_small(attempts, made.number);
  if (made.ended && made.counted)
    ++step.counted;
  return true;
}

/// An attempt that was under way when a clone or a step was settled will not be
/// heard of any more. It says nothing of the upstream.
template <class Step>
void end_open_attempt(Step& step, const std::optional<error>& why) {
  if (!is_under_way(step.attempts))
    return;
  auto& last = step.attempts.back();
  last.ended = true;
  last.counted = false;
  last.failure = why;
}

/// Notes in `step`, a clone or a step, since when it has been told "not now".
template <class Step>
void note_throttling(Step& step, const attempt& made, wall_time at) {
  if (made.failure && made.failure->kind == error_kind::throttled) {
    step.throttled_since = step.throttled_since.value_or(at);
    ++step.throttled;
  } else if (made.counted) {
    step.throttled_since.reset();
    step.throttled = 0;
  }
}

template <class Step>
void forget_throttling(Step& step) {
  step.throttled_since.reset();
  step.throttled = 0;
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

  /// What begins may be what ends the process.
  void begin_attempt() const {
    if (std::exchange(record.rested, false))
      ++record.recoveries;
  }

  void take_cancel_back() const { record.cancel_requested.reset(); }

  void note_success(step_record& step) const {
    step.success = ++record.successes;
  }

  bool operator()(const clone_attempt_begun& change) const {
    if (!put(record.clone, change.made))
      return false;
    begin_attempt();
    record.clone.accepted.reset();
    record.clone.failure.reset();
    record.clone.next_attempt.reset();
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const clone_attempt_ended& change) const {
    if (!put(record.clone, change.made))
      return false;
    note_throttling(record.clone, change.made, at);
    pause(record.clone, change.next_attempt);
    return true;
  }

  bool operator()(const clone_accepted& change) const {
    if (!record.clone.uid.is_null() || !put(record.clone, change.made))
      return false;
    forget_throttling(record.clone);
    record.clone.accepted = change.accepted;
    record.clone.next_attempt.reset();
    return true;
  }

  bool operator()(const clone_succeeded& change) const {
    // A UID is known once: were it taken twice, the sub-actions that have
    // succeeded since would run again.
    if (!record.clone.uid.is_null())
      return false;
    if (change.made)
      put(record.clone, *change.made);
    end_open_attempt(record.clone, std::nullopt);
    record.clone.uid = change.uid;
    record.clone.answer = change.answer;
    record.clone.accepted.reset();
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
    const bool told = change.made && put(record.clone, *change.made);
    if (!told && record.status == change.status
        && record.clone.failure == change.failure)
      return false;
    end_open_attempt(record.clone, change.failure);
    record.clone.failure = change.failure;
    record.clone.next_attempt.reset();
    reopen(change.status);
    if (is_final(change.status))
      end();
    return true;
  }

  bool operator()(const clone_reopened&) const {
    if (!record.clone.uid.is_null() || record.status == job_status::cloning)
      return false;
    end_open_attempt(record.clone, std::nullopt);
    record.clone.counted = 0;
    record.clone.accepted.reset();
    record.clone.prepared = nullptr;
    forget_throttling(record.clone);
    record.clone.failure.reset();
    pause(record.clone, at);
    take_cancel_back();
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const prepare_postponed& change) const {
    auto& clone = record.clone;
    if (record.status != job_status::cloning || !clone.prepared.is_null()
        || clone.next_attempt == change.next_attempt)
      return false;
    pause(clone, change.next_attempt);
    clone.throttled_since = clone.throttled_since.value_or(at);
    return true;
  }

  bool operator()(const clone_prepared& change) const {
    if (!record.clone.uid.is_null() || !record.clone.prepared.is_null())
      return false;
    forget_throttling(record.clone);
    record.clone.prepared = change.answers;
    return true;
  }

  bool operator()(const polling_resumed& change) const {
    if (record.status != job_status::ambiguous || !record.clone.accepted)
      return false;
    record.clone.accepted->ends = change.ends;
    record.clone.failure.reset();
    take_cancel_back();
    reopen(job_status::cloning);
    return true;
  }

  bool operator()(const steps_expanded& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || step->elements || is_final(step->status))
      return false;
    const auto group = step->name;
    step->elements = change.count;
    for (std::size_t number = 0; number < change.count; ++number) {
      auto made = element_name(group, number);
      const auto known =
        std::find_if(record.sub_actions.begin(), record.sub_actions.end(),
                     [&](const auto& each) { return each.name == made; });
      if (known != record.sub_actions.end()) { // by another definition
        if (!is_satisfied(*known))
          try_again(*known, step_kind::sub_action);
        continue;
      }
      auto& element = record.sub_actions.emplace_back();
      element.name = std::move(made);
      element.of = group;
    }
    update_group(group);
    return true;
  }

  /// A sub-action with `for_each` is what its elements make of it.
  void update_group(const std::string& group) const {
    step_record* whole = nullptr;
    bool is_open = false;
    bool failed = false;
    bool cancelled = false;
    bool unsatisfied = false;
    for (auto& each : record.sub_actions) {
      if (each.name == group)
        whole = &each;
      if (each.of != group)
        continue;
      is_open = is_open || !is_final(each.status);
      failed = failed || each.status == sub_action_status::failed;
      cancelled = cancelled || each.status == sub_action_status::cancelled;
      unsatisfied = unsatisfied || !is_satisfied(each);
    }
    if (whole == nullptr || !whole->elements)
      return;
    whole->failure.reset();
    whole->next_attempt.reset();
    whole->status = is_open     ? sub_action_status::running
                  : failed      ? sub_action_status::failed
                  : cancelled   ? sub_action_status::cancelled
                  : unsatisfied ? sub_action_status::skipped
                                : sub_action_status::succeeded;
  }

  bool operator()(const step_begun& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || !put(*step, change.made))
      return false;
    if (step->status == sub_action_status::succeeded)
      return true;
    begin_attempt();
    step->status = sub_action_status::running;
    step->failure.reset();
    step->next_attempt.reset();
    take_up(change.step.kind);
    return true;
  }

  bool operator()(const step_ended& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || !put(*step, change.made))
      return false;
    // What succeeded stays so, whatever comes late of another attempt.
    if (step->status == sub_action_status::succeeded)
      return true;
    note_throttling(*step, change.made, at);
    step->status = change.status;
    if (change.status == sub_action_status::succeeded)
      note_success(*step);
    step->answer = change.answer;
    step->failure = change.failure;
    pause(*step, change.next_attempt);
    return true;
  }

  bool operator()(const wait_begun& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || !put(*step, change.made))
      return false;
    if (step->status == sub_action_status::succeeded)
      return true;
    forget_throttling(*step);
    step->status = sub_action_status::retrying;
    step->wait_ends = change.ends;
    pause(*step, change.next_look);
    return true;
  }

  bool operator()(const step_settled& change) const {
    auto* const step = find_step(record, change.step);
    if (step == nullptr || step->status == sub_action_status::succeeded)
      return false;
    if (!is_final(change.status))
      return try_again(*step, change.step.kind);
    if (step->status == change.status && step->failure == change.failure)
      return false;
    end_open_attempt(*step, change.failure);
    step->status = change.status;
    step->failure = change.failure;
    step->next_attempt.reset();
    return true;
  }

  /// Never before it began, though the wall clock was set back: it would be
  /// forgotten too soon, and with it its key.
  void end() const { record.finished = std::max(at, record.hook.received); }

  template <class Step>
  void pause(Step& step, std::optional<wall_time> due) const {
    step.next_attempt = due;
    step.pause_begun = at;
  }

  /// Only what was never attempted waits: it may still be skipped.
  bool try_again(step_record& step, step_kind kind) const {
    // A sub-action with `for_each` follows its elements.
    if (!is_final(step.status) || step.elements)
      return false;
    const bool is_new = step.attempts.empty();
    step.status =
      is_new ? sub_action_status::waiting : sub_action_status::retrying;
    pause(step, is_new ? std::nullopt : std::optional{at});
    step.failure.reset();
    step.counted = 0;
    step.wait_ends.reset();
    forget_throttling(step);
    if (kind != step_kind::callback)
      take_cancel_back();
    take_up(kind);
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
      end();
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
    record.rested = false;
    ++record.recoveries;
    return true;
  }

  bool operator()(const job_rested&) const {
    if (record.rested || record.recoveries == 0)
      return false;
    record.rested = true;
    --record.recoveries;
    return true;
  }

  bool operator()(const job_handed_back&) const {
    const bool was_rested = std::exchange(record.rested, false);
    return std::exchange(record.recoveries, 0) > 0 || was_rested;
  }

  bool operator()(const cancel_requested&) const {
    if (record.cancel_requested)
      return false;
    record.cancel_requested = at;
    return true;
  }

  bool operator()(const definition_changed& change) const {
    if (record.flow_version == change.version)
      return false;
    record.flow_version = change.version;
    // Before the UID there are no sub-actions; it brings those of the new one.
    if (record.clone.uid.is_null())
      return true;
    replan(change.sub_actions, change.goes_on);
    const bool may_go_on = change.goes_on && record.compensations.empty()
                        && (record.status == job_status::failed
                            || record.status == job_status::cancelled);
    if (may_go_on && status_of(record.sub_actions) != record.status) {
      take_cancel_back();
      reopen(job_status::running);
    }
    return true;
  }

  /// What has a name that stays keeps its record; of the others, what succeeded
  /// goes to the end, and so do elements that were attempted: they are tried
  /// again with their sub-action, or seen to have been.
  void replan(const std::vector<std::string>& names,
              bool keeps_attempted) const {
    auto old = std::exchange(record.sub_actions, {});
    for (const auto& name : names) {
      const auto known =
        std::find_if(old.begin(), old.end(),
                     [&](const auto& each) { return each.name == name; });
      if (known == old.end()) {
        record.sub_actions.emplace_back().name = name;
      } else {
        auto& kept = record.sub_actions.emplace_back(std::move(*known));
        // Its elements are found anew; those that have succeeded stay.
        if (kept.status != sub_action_status::succeeded)
          kept.elements.reset();
        old.erase(known);
      }
    }
    const auto is_kept = [&](const step_record& each) {
      return each.status == sub_action_status::succeeded
          || (keeps_attempted && !each.attempts.empty()
              && std::find(names.begin(), names.end(), each.of) != names.end());
    };
    for (auto& each : old)
      if (is_kept(each))
        record.sub_actions.push_back(std::move(each));
  }

  bool operator()(const key_released& change) const {
    if (!record.claim || record.claim->key != change.key
        || is_released(*record.claim))
      return false;
    record.claim->expires = {};
    return true;
  }
};

} // namespace

const step_ref* step_of(const job_change& change) {
  if (const auto* begun = std::get_if<step_begun>(&change))
    return &begun->step;
  if (const auto* ended = std::get_if<step_ended>(&change))
    return &ended->step;
  if (const auto* waits = std::get_if<wait_begun>(&change))
    return &waits->step;
  if (const auto* expanded = std::get_if<steps_expanded>(&change))
    return &expanded->step;
  const auto* settled = std::get_if<step_settled>(&change);
  return settled != nullptr ? &settled->step : nullptr;
}

job_event make_event(const job& record, wall_time at, job_change change) {
  job_event event{record.id, at, std::move(change), record.flow,
                  record.hook.trace.trace_id};
  if (const auto* which = step_of(event.change)) {
    const auto& steps = steps_of(record, which->kind);
    if (which->index < steps.size())
      event.step = steps[which->index].name;
  }
  return event;
}

namespace {

/// An attempt that this side cut short says nothing of how far its job can get.
bool is_cut_short(const std::optional<attempt>& made) {
  return made && !made->counted;
}

/// Whether what happened shows that the job is not what ends the process. What
/// has only begun may be just that.
struct progress {
  bool operator()(const clone_attempt_ended& change) const {
    return !is_cut_short(change.made);
  }

  bool operator()(const step_ended& change) const {
    return !is_cut_short(change.made);
  }

  template <class Change>
  bool operator()(const Change&) const {
    return !std::is_same_v<
             Change,
             job_recovered> && !std::is_same_v<Change, job_rested> && !std::is_same_v<Change, sender_replied> && !std::is_same_v<Change, clone_attempt_begun> && !std::is_same_v<Change, step_begun> && !std::is_same_v<Change, cancel_requested>;
  }
};

bool put_inquiries(job& record, const std::vector<step_inquiry>& all) {
  bool is_new = false;
  for (const auto& [step, made] : all) {
    auto* const found = step ? find_step(record, *step) : nullptr;
    if (!step || found != nullptr)
      is_new |= put_inquiry(
        found != nullptr ? found->inquiries : record.clone.inquiries, made);
  }
  return is_new;
}

} // namespace

bool apply(job& record, const job_event& event) {
  const applier to{record, event.at};
  // Before it, as another definition may change the places of steps.
  const bool is_asked = put_inquiries(record, event.inquiries);
  if (!std::visit(to, event.change))
    return is_asked;
  if (const auto* which = step_of(event.change))
    if (const auto* step = find_step(record, *which);
        step != nullptr && !step->of.empty())
      to.update_group(std::string{step->of});
  if (std::visit(progress{}, event.change)) {
    record.recoveries = 0;
    record.rested = false;
  }
  return true;
}

} // namespace handoff
