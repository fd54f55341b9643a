#include "actors/job_supervisor.hpp"

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "actors/replies.hpp"
#include "actors/sub_action.hpp"
#include "job/command.hpp"
#include "job/follow_up.hpp"
#include "job/verdict.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace handoff {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

std::vector<sub_action_status>
statuses_of(const std::vector<step_record>& steps) {
  std::vector<sub_action_status> statuses;
  statuses.reserve(steps.size());
  for (const auto& each : steps)
    statuses.push_back(each.status);
  return statuses;
}

} // namespace

job_supervisor_state::~job_supervisor_state() {
  for (const auto& each : slots)
    if (each.worker)
      caf::anon_send_exit(each.worker, caf::exit_reason::user_shutdown);
}

void job_supervisor_state::begin(job_supervisor_options options) {
  env = std::move(options.env);
  env->fault_point(name);
  definition = std::move(options.definition);
  record = std::move(options.record);
  events = std::make_unique<event_writer<self_pointer>>(self, env);
  // Without a UID there are none, and callbacks alone are left.
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at)
    rules.push_back(definition->sub_actions.at(at).rule);
  // The last one is for callbacks.
  slots.resize(env->pool_workers + 1);
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback})
    resume(kind);
  const auto& callback = definition->callback;
  if (callback && callback->on_cloned && !is_final(record.status)
      && std::none_of(
        record.callbacks.begin(), record.callbacks.end(),
        [](const auto& each) { return event_of(each.name) == "cloned"; }))
    add(callback_of(record, "cloned"));
  proceed();
}

void job_supervisor_state::resume(step_kind kind) {
  // After a crash: what was under way is made again, what was waiting for its
  // next attempt waits for what is left of the pause.
  auto& steps = steps_of(record, kind);
  for (std::size_t at = 0; at < steps.size(); ++at) {
    auto& step = steps[at];
    if (step.status == sub_action_status::running)
      step.status = sub_action_status::waiting;
    else if (step.status == sub_action_status::retrying)
      self->delayed_send(
        self,
        std::max(milliseconds{0},
                 duration_cast<milliseconds>(
                   step.next_attempt.value_or(env->now()) - env->now())),
        again_atom::value, step_ref{kind, at});
  }
}

void job_supervisor_state::change(job_change what) {
  auto event = make_event(record, env->now(), std::move(what));
  apply(record, event);
  events->add(std::move(event));
}

job_supervisor_state::step_definition
job_supervisor_state::definition_of(step_ref step) const {
  const auto& subs = definition->sub_actions;
  if (step.kind == step_kind::callback)
    return {nullptr, &definition->callback->retry, false};
  if (step.kind == step_kind::sub_action)
    return {&subs[step.index].request, &subs[step.index].retry,
            subs[step.index].keeps_answer};
  const auto& undone = record.compensations[step.index].name;
  const auto found =
    std::find_if(subs.begin(), subs.end(),
                 [&](const auto& each) { return each.name == undone; });
  if (found != subs.end() && found->compensate)
    return {&*found->compensate, &found->retry, false};
  return {&*definition->clone.compensate, &definition->clone.compensate_retry,
          false};
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

std::optional<std::pair<step_ref, std::size_t>>
job_supervisor_state::next(const plan_step& plan) const {
  if (const auto slot =
        saving > 0 ? std::nullopt : free_slot(step_kind::callback))
    if (const auto at = next_in_turn(record.callbacks))
      return {{{step_kind::callback, *at}, *slot}};
  const auto slot = free_slot(step_kind::sub_action);
  if (!slot)
    return std::nullopt;
  if (!plan.start.empty())
    return {{sub_action_at(plan.start.front()), *slot}};
  if (const auto at =
        saving > 0 ? std::nullopt : next_in_turn(record.compensations))
    return {{{step_kind::compensation, *at}, *slot}};
  return std::nullopt;
}

void job_supervisor_state::skip(const plan_step& plan) {
  for (const auto index : plan.skip)
    change(step_settled{sub_action_at(index), sub_action_status::skipped,
                        std::nullopt});
}

void job_supervisor_state::add(steps_added steps) {
  change(std::move(steps));
  // A crash must not forget why something was undone, or what was told: the
  // job might come to another end.
  ++saving;
  events->flush([this] {
    --saving;
    proceed();
  });
}

void job_supervisor_state::add_compensations() {
  if (cancelled || is_final(record.status))
    return;
  auto due =
    compensations_due(record, rules, definition->clone.compensate.has_value());
  if (!due.empty())
    add({step_kind::compensation, std::move(due)});
}

void job_supervisor_state::proceed() {
  for (;;) {
    const auto plan = next_step(rules, statuses_of(record.sub_actions), 1);
    if (!is_final(record.status))
      skip(plan);
    add_compensations();
    const auto due = draining ? std::nullopt : next(plan);
    if (!due)
      break;
    start(due->first, due->second);
  }
  finish_if_done();
}

result<outbound_call> job_supervisor_state::build(step_ref which,
                                                  std::uint32_t number) const {
  const auto& step = steps_of(record, which.kind)[which.index];
  const auto wanted = definition_of(which);
  if (wanted.request == nullptr)
    return build_callback(*definition->callback, record, step, number,
                          env->now());
  return build_call(*wanted.request, *wanted.retry, record,
                    {full_name(which.kind, step.name), number},
                    call_class::sub_action);
}

void job_supervisor_state::start(step_ref step, std::size_t at) {
  auto& slot = slots[at];
  slot.step = step;
  slot.made = attempt{};
  slot.made.number = next_attempt_number(find_step(record, step)->attempts);
  slot.made.started = env->now();
  slot.made.worker = step.kind == step_kind::callback
                     ? "callback"
                     : "sub-action-" + std::to_string(at + 1);
  change(step_begun{step, slot.made});
  auto built = build(step, slot.made.number);
  if (auto* failed = std::get_if<error>(&built)) {
    auto made = slot.made;
    made.failure = *failed;
    end_attempt(at, sub_action_status::failed, std::move(made),
                std::move(*failed), nullptr, std::nullopt);
    return;
  }
  if (!slot.worker) {
    slot.worker = self->spawn(sub_action, env);
    self->monitor(slot.worker);
  }
  slot.call =
    std::make_shared<outbound_call>(std::get<outbound_call>(std::move(built)));
  auto asked = env->turns->ask(
    {upstream_of(slot.call->url), slot.call->purpose, slot.call->job},
    [to = caf::actor_cast<job_supervisor_actor>(self), step](turn_ptr turn) {
      caf::anon_send(to, std::move(turn), step);
    });
  if (auto* turn = std::get_if<turn_ptr>(&asked))
    make(at, std::move(*turn));
  else
    slot.ticket = std::get<turn_ticket_ptr>(std::move(asked));
}

void job_supervisor_state::turn_came(turn_ptr turn, step_ref step) {
  for (std::size_t at = 0; at < slots.size(); ++at)
    if (slots[at].step == step && slots[at].ticket)
      make(at, std::move(turn));
}

void job_supervisor_state::make(std::size_t at, turn_ptr turn) {
  auto& slot = slots[at];
  slot.ticket.reset();
  slot.call->turn = std::move(turn);
  const auto patience = slot.call->timeout + 2 * request_grace;
  ask(self, *env, slot.worker, patience,
      outbound_call_ptr{std::exchange(slot.call, nullptr)})
    .then(
      [this, at, number = slot.made.number](const exchange_ptr& done) {
        env->fault_point(name);
        attempt_ended(at, number, *done);
        proceed();
      },
      [this, at, number = slot.made.number](const caf::error&) {
        attempt_lost(at, number);
        proceed();
      });
}

void job_supervisor_state::give_up_turns() {
  exchange unsent;
  unsent.failure = error{error_kind::overloaded, "its turn did not come"};
  for (std::size_t at = 0; at < slots.size(); ++at)
    if (slots[at].ticket)
      attempt_ended(at, slots[at].made.number, unsent);
}

void job_supervisor_state::attempt_ended(std::size_t at, std::uint32_t number,
                                         const exchange& done) {
  auto& slot = slots[at];
  if (!slot.step || slot.made.number != number)
    return; // a worker that had been given up on
  const auto step = definition_of(*slot.step);
  auto made = slot.made;
  made.duration = done.duration;
  made.waited = waited_before(made, env->now());
  made.http_status = done.status;
  auto verdict = judge_sub_action(done, *step.retry, step.keeps_answer);
  made.failure = verdict.failure;
  made.counted = verdict.outcome != sub_action_outcome::uncounted;
  switch (verdict.outcome) {
  case sub_action_outcome::succeeded:
    end_attempt(at, sub_action_status::succeeded, std::move(made), std::nullopt,
                std::move(verdict.answer), std::nullopt);
    break;
  case sub_action_outcome::failed:
    end_attempt(at, sub_action_status::failed, std::move(made), verdict.failure,
                nullptr, std::nullopt);
    break;
  case sub_action_outcome::retryable:
  case sub_action_outcome::uncounted:
    retry_or_fail(at, std::move(made), *verdict.failure, &done);
  }
}

void job_supervisor_state::retry_or_fail(std::size_t at, attempt made,
                                         error failure, const exchange* done) {
  const auto which = *slots[at].step;
  const auto& policy = *definition_of(which).retry;
  const auto& step = *find_step(record, which);
  const auto failed =
    counted_attempts(step.attempts) - step.forgiven + (made.counted ? 1u : 0u);
  const auto asked =
    done != nullptr ? retry_after_of(*done, env->now()) : std::nullopt;
  if (const auto pause = next_attempt_in(policy, failed, env->random(), asked))
    end_attempt(at, sub_action_status::retrying, std::move(made), std::nullopt,
                nullptr, pause);
  else
    end_attempt(at, sub_action_status::failed, std::move(made),
                std::move(failure), nullptr, std::nullopt);
}

void job_supervisor_state::end_attempt(std::size_t at, sub_action_status status,
                                       attempt made,
                                       std::optional<error> failure,
                                       nlohmann::json answer,
                                       std::optional<milliseconds> pause) {
  const auto step = *std::exchange(slots[at].step, std::nullopt);
  slots[at].ticket.reset();
  slots[at].call.reset();
  made.ended = true;
  if (made.failure)
    made.failure = masked(*definition, std::move(*made.failure));
  if (failure)
    failure = masked(*definition, std::move(*failure));
  answer = masked_answer(*definition, std::move(answer));
  std::optional<wall_time> due;
  if (pause) {
    due = env->now() + *pause;
    self->delayed_send(self, *pause, again_atom::value, step);
  }
  change(step_ended{step, std::move(made), status, std::move(answer),
                    std::move(failure), due});
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
  auto& deaths =
    crashes.try_emplace(*slot.step, restart_intensity{env->restarts})
      .first->second;
  auto made = slot.made;
  made.duration = duration_cast<milliseconds>(env->now() - made.started);
  made.counted = false;
  made.failure =
    error{error_kind::worker_crashed, "the actor of the attempt died"};
  env->supervision->sub_action_restarted();
  if (deaths.record(self->clock().now())) {
    end_attempt(at, sub_action_status::retrying, std::move(made), std::nullopt,
                nullptr, deaths.delay());
    return;
  }
  error why{error_kind::quarantined,
            "its actor died more often than max-restarts allows"};
  env->supervision->quarantined(
    {record.id, find_step(record, *slot.step)->name, why.detail, env->now()});
  end_attempt(at, sub_action_status::failed, std::move(made), std::move(why),
              nullptr, std::nullopt);
}

void job_supervisor_state::worker_died(const caf::actor_addr& worker) {
  for (std::size_t at = 0; at < slots.size(); ++at) {
    auto& slot = slots[at];
    if (!slot.worker || slot.worker->address() != worker)
      continue;
    if (slot.step)
      attempt_lost(at, slot.made.number);
    else
      slot.worker = sub_action_actor{};
    break;
  }
  proceed();
}

void job_supervisor_state::retry_due(step_ref which) {
  auto* const step = find_step(record, which);
  if (step == nullptr || step->status != sub_action_status::retrying)
    return;
  // The plan gives it the next free worker, in the order of the flow.
  step->status = sub_action_status::waiting;
  proceed();
}

void job_supervisor_state::drain() {
  draining = true;
  give_up_turns();
  proceed();
}

void job_supervisor_state::cancel() {
  cancelled = true;
  give_up_turns();
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback}) {
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      // What is under way cannot be taken back, and ends as it ends.
      if (!is_final(steps[at].status)
          && steps[at].status != sub_action_status::running)
        change(
          step_settled{{kind, at}, sub_action_status::cancelled, std::nullopt});
  }
  proceed();
}

void job_supervisor_state::obey(const job_order_ptr& order) {
  auto decided = decide(record, order->command, {}, env->now());
  if (const auto* failed = std::get_if<error>(&decided)) {
    order->responder->answer(problem_reply(*failed, record.id));
    return;
  }
  for (auto& each : std::get<command_decision>(decided).events)
    change(std::move(each.change));
  events->flush([this, order] {
    order->responder->answer(
      command_reply(record.id, std::string{handoff::name(record.status)}));
  });
  proceed();
}

void job_supervisor_state::stop_workers() {
  for (auto& each : slots) {
    if (!each.worker)
      continue;
    self->demonitor(each.worker->address());
    self->send_exit(each.worker, caf::exit_reason::user_shutdown);
    each.worker = sub_action_actor{};
  }
}

bool job_supervisor_state::is_done() const {
  return !is_unfinished(record)
      || (draining
          && std::none_of(slots.begin(), slots.end(), [](const auto& each) {
               return each.step.has_value();
             }));
}

void job_supervisor_state::finish_if_done() {
  const auto status = outcome_of(record);
  if (is_final(status) && !is_final(record.status)) {
    change(job_finished{status});
    const auto& callback = definition->callback;
    if (callback
        && ((status == job_status::succeeded && callback->on_succeeded)
            || (status == job_status::failed && callback->on_failed))) {
      add(callback_of(record, handoff::name(status)));
    }
  }
  if (!is_done()) {
    events->flush();
    return;
  }
  if (is_unfinished(record))
    change(job_handed_back{});
  events->flush([this] {
    // Somebody may have ordered more in the meantime.
    if (!is_done())
      return;
    stop_workers();
    self->quit();
  });
}

job_supervisor_actor::behavior_type
job_supervisor(job_supervisor_state::self_pointer self,
               job_supervisor_options options) {
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.worker_died(down.source); });
  self->state.begin(std::move(options));
  return {
    [self](again_atom, const step_ref& step) {
      self->state.env->fault_point(job_supervisor_state::name);
      self->state.retry_due(step);
    },
    [self](const turn_ptr& turn, const step_ref& step) {
      self->state.turn_came(turn, step);
    },
    [self](const job_order_ptr& order) { self->state.obey(order); },
    [self](save_atom) { self->state.events->flush(); },
    [self](drain_atom) { self->state.drain(); },
    [self](cancel_atom) { self->state.cancel(); },
  };
}

} // namespace handoff
