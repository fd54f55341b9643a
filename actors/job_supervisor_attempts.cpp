// How a job supervisor makes the attempts of its steps: turns, workers, and
// what comes of them.

#include "actors/ask.hpp"
#include "actors/job_supervisor.hpp"
#include "actors/sub_action.hpp"
#include "config/answer_excerpt.hpp"
#include "config/flow.hpp"
#include "config/kept_answer.hpp"
#include "job/token.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace handoff {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

job_supervisor_state::step_definition
job_supervisor_state::definition_of(step_ref step) const {
  if (step.kind == step_kind::callback)
    return {nullptr, &definition->callback->retry, false};
  if (step.kind == step_kind::sub_action) {
    const auto& sub = *sub_action_of(step.index);
    return {&sub.request, &sub.retry, sub.keeps_answer, &sub.kept_headers};
  }
  const auto& undone = undone_by(step);
  const auto* found =
    find_sub_action(*definition, undone.of.empty() ? undone.name : undone.of);
  if (found != nullptr && found->compensate)
    return {&*found->compensate, &found->retry, false};
  return {&*definition->clone.compensate, &definition->clone.compensate_retry,
          false};
}

const step_record& job_supervisor_state::undone_by(step_ref step) const {
  const auto& own = steps_of(**record, step.kind)[step.index];
  if (step.kind == step_kind::compensation)
    for (const auto& each : (*record)->sub_actions)
      if (each.name == own.name)
        return each;
  return own;
}

std::optional<step_element>
job_supervisor_state::element_of_step(step_ref step) const {
  auto found = element_for(*definition, **record, undone_by(step));
  auto* element = std::get_if<std::optional<step_element>>(&found);
  return element != nullptr ? std::move(*element) : std::nullopt;
}

const std::string& job_supervisor_state::upstream_of_step(step_ref step) const {
  const auto wanted = definition_of(step);
  return wanted.request == nullptr ? definition->callback->upstream
                                   : wanted.request->upstream;
}

result<outbound_call> job_supervisor_state::build(step_ref which,
                                                  std::uint32_t number,
                                                  wall_time began) const {
  const auto& step = steps_of(**record, which.kind)[which.index];
  const auto wanted = definition_of(which);
  if (wanted.request == nullptr)
    return build_callback(*definition->callback, **record, step, number,
                          env->now());
  auto found = element_for(*definition, **record, undone_by(which));
  if (auto* failed = std::get_if<error>(&found))
    return std::move(*failed);
  const auto& element = std::get<std::optional<step_element>>(found);
  step_attempt made{full_name(which.kind, step.name), number,
                    element ? &*element : nullptr};
  // A look for what the step waits for does not count as an attempt.
  if (step.wait_ends) {
    made.number = 0;
    made.began = began;
  }
  return build_call(*definition, *wanted.request, *wanted.retry, **record, made,
                    call_class::sub_action);
}

std::optional<std::size_t>
job_supervisor_state::free_slot(step_kind kind) const {
  const auto last = slots.size() - 1;
  if (kind == step_kind::callback)
    return slots[last].step ? std::nullopt : std::optional{last};
  for (std::size_t at = 0; at < last; ++at)
    if (!slots[at].step)
      return at;
  return std::nullopt;
}

bool job_supervisor_state::is_under_way(step_ref step) const {
  return std::any_of(slots.begin(), slots.end(),
                     [&](const auto& each) { return each.step == step; });
}

std::vector<step_ref> job_supervisor_state::ready() const {
  std::vector<step_ref> steps;
  // A clone that is made again comes first.
  if (next_of(**record) != job_work::steps)
    return steps;
  const auto add_next = [&](step_kind kind) {
    if (saving > 0)
      return;
    const auto& all = steps_of(**record, kind);
    const auto at = next_in_turn(all);
    if (at
        && (all[*at].status == sub_action_status::waiting
            || due.contains({kind, *at})))
      steps.push_back({kind, *at});
  };
  add_next(step_kind::callback);
  const auto& subs = (*record)->sub_actions;
  const auto& start = plan().start;
  auto first = start.begin();
  for (std::size_t at = 0; at < subs.size(); ++at) {
    const bool is_new = first != start.end() && *first == at;
    if (is_new)
      ++first;
    const bool is_whole = rules.sub_actions[at].is_repeated;
    // One that was due may have been cancelled since.
    const bool is_due = due.contains(sub_action_at(at))
                     && subs[at].status == sub_action_status::retrying
                     && is_free(at);
    if (is_new || (is_due && !is_whole))
      steps.push_back(sub_action_at(at));
  }
  add_next(step_kind::compensation);
  return steps;
}

bool job_supervisor_state::is_ready(step_ref step) const {
  const auto steps = ready();
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

void job_supervisor_state::withdraw_turns() {
  if (waiting.empty())
    return;
  const auto steps = ready();
  std::erase_if(waiting, [&](const auto& each) {
    return std::find(steps.begin(), steps.end(), each.first) == steps.end();
  });
}

bool job_supervisor_state::begin_ready() {
  for (const auto step : ready()) {
    if (is_under_way(step) || waiting.contains(step))
      continue;
    const auto slot = free_slot(step.kind);
    if (!slot)
      continue;
    ask_turn(step, *slot);
    if (!is_under_way(step) && !waiting.contains(step) && !is_ready(step))
      return true;
  }
  return false;
}

void job_supervisor_state::ask_turn(step_ref step, std::size_t slot) {
  const auto& upstream = upstream_of_step(step);
  // One job has no more calls of a host than workers, and so needs no more
  // turns; what goes to other hosts waits behind none of them.
  const auto same_upstream =
    std::count_if(waiting.begin(), waiting.end(), [&](const auto& each) {
      return each.second.upstream == upstream;
    });
  if (static_cast<std::size_t>(same_upstream) >= env->pool_workers)
    return;
  auto asked = env->turns->ask(
    {upstream, call_class::sub_action, (*record)->id},
    [self = job_supervisor_actor{self}, step](turn_ptr turn) {
      caf::anon_send(self, granted_atom::value, step, std::move(turn));
    });
  if (auto* turn = std::get_if<turn_ptr>(&asked)) {
    start(step, slot, std::move(*turn), std::move(upstream));
    return;
  }
  const auto& step_name = steps_of(**record, step.kind)[step.index].name;
  waiting.emplace(
    step, waiting_turn{upstream, std::get<turn_ticket_ptr>(std::move(asked)),
                       waiting_steps::note{env->waiting,
                                           (*record)->id,
                                           {full_name(step.kind, step_name),
                                            upstream, env->now()}}});
}

void job_supervisor_state::turn_granted(step_ref step, turn_ptr turn) {
  // Without a ticket it was withdrawn. A turn that is not used goes to the
  // next who waits; the step asks again when it can begin.
  auto asked = waiting.extract(step);
  if (asked.empty())
    return;
  const auto slot = free_slot(step.kind);
  if (slot && !draining && !record->is_commanded() && is_ready(step))
    start(step, *slot, std::move(turn), std::move(asked.mapped().upstream));
  proceed();
}

bool job_supervisor_state::may_be_skipped(step_ref step) const {
  if (step.kind != step_kind::sub_action)
    return false;
  const auto* own = sub_action_of(step.index);
  const auto& all = definition->sub_actions;
  return own == nullptr || own->when || !own->rule.after.empty()
      || std::any_of(all.begin(), all.end(), [](const auto& each) {
           return each.rule.on_failure != on_failure::proceed;
         });
}

void job_supervisor_state::start(step_ref step, std::size_t at, turn_ptr turn,
                                 std::string upstream) {
  auto& slot = slots[at];
  slot.step = step;
  slot.made = attempt{};
  slot.made.number =
    next_attempt_number(steps_of(**record, step.kind)[step.index].attempts);
  slot.made.started = env->now();
  slot.made.worker = step.kind == step_kind::callback
                     ? "callback"
                     : "sub-action-" + std::to_string(at + 1);
  slot.made.upstream = std::move(upstream);
  due.erase(step);
  definition = env->fresh(definition);
  // Of a job that may be what ends the process, it is known before it happens
  // that it begins. So it is of a step that may be skipped: what is skipped was
  // never attempted, also after a crash.
  const bool is_suspect = (*record)->recoveries > 0 || (*record)->rested;
  // While a step waits for its upstream, it is no attempt to look.
  if (!steps_of(**record, step.kind)[step.index].wait_ends)
    record->change(step_begun{step, slot.made});
  auto built = build(step, slot.made.number, slot.made.started);
  if (auto* failed = std::get_if<error>(&built)) {
    auto made = slot.made;
    end_attempt(
      at, after_attempt(**record,
                        {step,
                         std::move(made),
                         {sub_action_outcome::failed, std::move(*failed)}},
                        *definition_of(step).retry, 0, env->now()));
    return;
  }
  auto call = std::get<outbound_call>(std::move(built));
  call.turn = std::move(turn);
  if (!is_suspect && !may_be_skipped(step)) {
    send(at, std::move(call));
    return;
  }
  record->flush([this, at, number = slot.made.number, call] {
    auto& begun = slots[at];
    if (!begun.step || begun.made.number != number)
      return;
    // A look, which is not journaled, may be of a step that was cancelled.
    if (is_final(
          steps_of(**record, begun.step->kind)[begun.step->index].status)) {
      begun.step.reset();
      proceed();
    } else {
      send(at, call);
    }
  });
}

void job_supervisor_state::send(std::size_t at, outbound_call call) {
  auto& slot = slots[at];
  if (!slot.worker) {
    slot.worker = self->spawn(sub_action, env);
    self->monitor(slot.worker);
  }
  const auto patience = call.timeout + 2 * request_grace;
  // The message that the worker is down may overtake its last answer. The slot
  // may then have another step, with an attempt of the same number.
  const auto is_for = [this, at, step = *slot.step] {
    return slots[at].step && *slots[at].step == step;
  };
  ask(self, *env, slot.worker, patience,
      std::make_shared<const outbound_call>(std::move(call)))
    .then(
      [this, at, is_for, number = slot.made.number](const exchange_ptr& done) {
        env->fault_point(name);
        if (is_for())
          attempt_ended(at, number, *done);
        proceed();
      },
      [this, at, is_for, number = slot.made.number](const caf::error&) {
        if (is_for())
          attempt_lost(at, number);
        proceed();
      });
}

void job_supervisor_state::attempt_ended(std::size_t at, std::uint32_t number,
                                         const exchange& done) {
  auto& slot = slots[at];
  if (!slot.step || slot.made.number != number)
    return; // a worker that had been given up on
  const auto& known = steps_of(**record, slot.step->kind)[slot.step->index];
  if (is_final(known.status)) {
    slot.step.reset(); // somebody cancelled it while it was looked for
    return;
  }
  const auto step = definition_of(*slot.step);
  const auto element = step.request != nullptr && step.request->answers.any()
                       ? element_of_step(*slot.step)
                       : std::nullopt;
  const auto called = full_name(slot.step->kind, known.name);
  // A callback has no rules, and no expression refers to its answer.
  auto reading =
    step.request != nullptr ? read_answer(
      *definition, *step.request, **record, done, step.keeps_answer,
      {env->connection_of(*step.request), was_token_refused(known.attempts),
       element ? &*element : nullptr, nullptr, called})
                            : answer_reading{};
  if (reading.rule && reading.rule->then == ruled::refresh)
    env->turns->token_refused(step.request->connection, done.token);
  step_result result{*slot.step, slot.made,
                     judge_sub_action(done, *step.retry, reading, env->now()),
                     retry_after_of(done, env->now())};
  // What no expression will ask for is not kept.
  if (step.keeps_answer && reading.answer)
    result.verdict.answer = std::move(*reading.answer);
  result.made.duration = done.duration;
  result.made.waited = waited_before(result.made, env->now());
  result.made.http_status = done.status;
  if (result.verdict.outcome != sub_action_outcome::succeeded
      && result.verdict.outcome != sub_action_outcome::waiting)
    result.made.response = excerpt_of(
      definition->hidden, done,
      step.request != nullptr ? env->connection_of(*step.request) : nullptr);
  note_look(result, done);
  if (result.verdict.outcome == sub_action_outcome::waiting) {
    go_on_waiting(at, std::move(result));
    return;
  }
  const bool is_throttled =
    result.verdict.outcome == sub_action_outcome::throttled;
  const auto asked = result.verdict.wait;
  const auto* sub = slot.step->kind == step_kind::sub_action
                    ? sub_action_of(slot.step->index)
                    : nullptr;
  auto change = after_attempt(
    **record, std::move(result), *step.retry, env->random(), env->now(),
    sub != nullptr ? sub->wait : std::optional<wait_rules>{});
  if (is_throttled)
    env->turns->pause(upstream_of_step(*slot.step),
                      std::min(asked.value_or(step.retry->throttled),
                               step.retry->throttled_for));
  if (step.kept_headers != nullptr
      && change.status == sub_action_status::succeeded)
    change.answer = kept_answer(definition->hidden, std::move(change.answer),
                                done.headers, *step.kept_headers);
  end_attempt(at, std::move(change));
}

void job_supervisor_state::note_look(const step_result& result,
                                     const exchange& done) {
  const auto& step = steps_of(**record, result.step.kind)[result.step.index];
  const bool is_first = !step.wait_ends;
  const bool is_waiting = result.verdict.outcome == sub_action_outcome::waiting;
  // What was there at once was not waited for.
  if (is_first && !is_waiting)
    return;
  inquiry look;
  look.name = "until";
  look.finding = finding_of(result.verdict.outcome);
  look.last = result.made;
  look.last.ended = true;
  if (result.verdict.failure)
    look.last.failure = masked(*definition, *result.verdict.failure);
  const auto* request = definition_of(result.step).request;
  if (is_waiting && request != nullptr)
    look.last.response =
      excerpt_of(definition->hidden, done, env->connection_of(*request),
                 waiting_excerpt_bytes_max);
  record->note(result.step, std::move(look), is_first);
}

void job_supervisor_state::go_on_waiting(std::size_t at, step_result result) {
  const auto step = result.step;
  const auto* wanted = sub_action_of(step.index);
  auto next = after_wait(**record, std::move(result),
                         wanted != nullptr ? wanted->wait.value_or(wait_rules{})
                                           : wait_rules{},
                         env->now());
  if (auto* end = std::get_if<step_ended>(&next)) {
    end_attempt(at, std::move(*end));
    return;
  }
  slots[at].step.reset();
  if (auto* begun = std::get_if<wait_begun>(&next)) {
    record->change(std::move(*begun));
    wait_for_next_attempt(step);
    return;
  }
  self->delayed_send(self, std::get<milliseconds>(next), again_atom::value,
                     step);
}

void job_supervisor_state::end_attempt(std::size_t at, step_ended change) {
  const auto step = *std::exchange(slots[at].step, std::nullopt);
  if (change.made.failure)
    change.made.failure = masked(*definition, std::move(*change.made.failure));
  if (change.failure)
    change.failure = masked(*definition, std::move(*change.failure));
  record->change(std::move(change));
  if ((*record)->recoveries == 0)
    leave_recovery();
  wait_for_next_attempt(step);
}

void job_supervisor_state::attempt_lost(std::size_t at, std::uint32_t number) {
  auto& slot = slots[at];
  if (!slot.step || slot.made.number != number)
    return;
  // A worker that does not answer is as good as dead, and must not be used
  // again.
  auto worker = std::exchange(slot.worker, sub_action_actor{});
  self->demonitor(worker->address());
  self->send_exit(worker, caf::exit_reason::kill);
  const auto step = *slot.step;
  auto& deaths =
    crashes.try_emplace(step, restart_intensity{env->restarts}).first->second;
  auto made = slot.made;
  made.duration = duration_cast<milliseconds>(env->now() - made.started);
  error lost{error_kind::worker_crashed, "the actor of the attempt died"};
  env->supervision->sub_action_restarted();
  const bool goes_on = deaths.record(self->clock().now());
  auto change = after_cut_short(
    **record, step, std::move(made), std::move(lost),
    goes_on ? duration_cast<milliseconds>(deaths.delay()) : milliseconds{0},
    env->now());
  if (!goes_on) {
    error why{error_kind::quarantined,
              "its actor died more often than max-restarts allows"};
    env->supervision->quarantined(
      {(*record)->id, steps_of(**record, step.kind)[step.index].name,
       why.detail, env->now()});
    change.status = sub_action_status::failed;
    change.next_attempt.reset();
    change.failure = std::move(why);
  }
  end_attempt(at, std::move(change));
}

} // namespace handoff
