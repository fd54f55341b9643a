#include "actors/job_supervisor.hpp"

#include "actors/call_builder.hpp"
#include "actors/sub_action.hpp"
#include "job/verdict.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace handoff {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

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
  crashes.assign(record.sub_actions.size(), restart_intensity{env->restarts});
  for (const auto& each : definition->sub_actions)
    rules.push_back(each.rule);
  slots.resize(std::min(env->pool_workers, record.sub_actions.size()));
  // After a crash: what was under way is made again, what was waiting for its
  // next attempt waits for what is left of the pause.
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
    auto& sub = record.sub_actions[at];
    if (sub.status == sub_action_status::running)
      sub.status = sub_action_status::waiting;
    else if (sub.status == sub_action_status::retrying)
      self->delayed_send(
        self,
        std::max(milliseconds{0},
                 duration_cast<milliseconds>(
                   sub.next_attempt.value_or(env->now()) - env->now())),
        again_atom::value, std::uint64_t{at});
  }
  proceed();
}

void job_supervisor_state::change(job_change what) {
  job_event event{record.id, env->now(), std::move(what)};
  apply(record, event);
  events->add(std::move(event));
}

std::vector<std::size_t> job_supervisor_state::free_slots() const {
  std::vector<std::size_t> free;
  for (std::size_t at = 0; at < slots.size(); ++at)
    if (!slots[at].index)
      free.push_back(at);
  return free;
}

void job_supervisor_state::proceed() {
  std::vector<sub_action_status> statuses;
  for (const auto& each : record.sub_actions)
    statuses.push_back(each.status);
  const auto free = free_slots();
  const auto step = next_step(rules, statuses, free.size());
  for (const auto index : step.skip)
    settle(index, sub_action_status::skipped, std::nullopt);
  if (!draining)
    for (std::size_t at = 0; at < step.start.size(); ++at)
      start(step.start[at], free[at]);
  finish_if_done();
}

void job_supervisor_state::start(std::size_t index, std::size_t at) {
  const auto& step = definition->sub_actions[index];
  auto& slot = slots[at];
  slot.index = index;
  slot.made = attempt{};
  slot.made.number = next_attempt_number(record.sub_actions[index].attempts);
  slot.made.started = env->now();
  slot.made.worker = "sub-action-" + std::to_string(at + 1);
  change(sub_action_begun{index, slot.made});
  auto built = build_call(step.request, step.retry, record, step.name,
                          call_class::sub_action);
  if (auto* failed = std::get_if<error>(&built)) {
    end_attempt(at, sub_action_status::failed, slot.made, std::move(*failed),
                nullptr, std::nullopt);
    return;
  }
  if (!slot.worker) {
    slot.worker = self->spawn(sub_action, env);
    self->monitor(slot.worker);
  }
  auto call = std::make_shared<const outbound_call>(
    std::get<outbound_call>(std::move(built)));
  const auto patience = call->patience + call->timeout + 2 * request_grace;
  self->request(slot.worker, patience, outbound_call_ptr{call})
    .then(
      [this, at, number = slot.made.number](const exchange_ptr& done) {
        env->fault_point(name);
        attempt_ended(at, number, *done);
      },
      [this, at, number = slot.made.number](const caf::error&) {
        attempt_lost(at, number);
      });
}

void job_supervisor_state::attempt_ended(std::size_t at, std::uint32_t number,
                                         const exchange& done) {
  auto& slot = slots[at];
  if (!slot.index || slot.made.number != number)
    return; // a worker that had been given up on
  const auto& step = definition->sub_actions[*slot.index];
  auto made = slot.made;
  made.duration = done.duration;
  made.http_status = done.status;
  auto verdict = judge_sub_action(done, step.retry);
  made.failure = verdict.failure;
  made.counted = verdict.outcome != sub_action_outcome::uncounted;
  switch (verdict.outcome) {
  case sub_action_outcome::succeeded: {
    // What no expression will ask for is neither parsed nor kept.
    constexpr bool no_exceptions = false;
    auto answer = step.keeps_answer
                  ? nlohmann::json::parse(done.body, nullptr, no_exceptions)
                  : nlohmann::json();
    end_attempt(at, sub_action_status::succeeded, std::move(made), std::nullopt,
                answer.is_discarded() ? nlohmann::json() : std::move(answer),
                std::nullopt);
    break;
  }
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
  const auto index = *slots[at].index;
  const auto& policy = definition->sub_actions[index].retry;
  const auto& sub = record.sub_actions[index];
  const auto failed =
    counted_attempts(sub.attempts) - sub.forgiven + (made.counted ? 1u : 0u);
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
  const auto index = *slots[at].index;
  slots[at].index.reset();
  made.ended = true;
  if (made.failure)
    made.failure = masked(*definition, std::move(*made.failure));
  if (failure)
    failure = masked(*definition, std::move(*failure));
  std::optional<wall_time> due;
  if (pause) {
    due = env->now() + *pause;
    self->delayed_send(self, *pause, again_atom::value, std::uint64_t{index});
  }
  change(sub_action_ended{index, std::move(made), status, std::move(answer),
                          std::move(failure), due});
  proceed();
}

void job_supervisor_state::attempt_lost(std::size_t at, std::uint32_t number) {
  auto& slot = slots[at];
  if (!slot.index || slot.made.number != number)
    return;
  // A worker that does not answer is as good as dead, and must not be used
  // again.
  auto worker = std::exchange(slot.worker, sub_action_actor{});
  self->demonitor(worker->address());
  self->send_exit(worker, caf::exit_reason::kill);
  const auto index = *slot.index;
  auto made = slot.made;
  made.duration = duration_cast<milliseconds>(env->now() - made.started);
  made.counted = false;
  made.failure =
    error{error_kind::worker_crashed, "the actor of the attempt died"};
  const bool again = crashes[index].record(self->clock().now());
  env->supervision->sub_action_restarted();
  if (!again)
    env->supervision->quarantined({record.id,
                                   definition->sub_actions[index].name,
                                   "its actor died more often than "
                                   "max-restarts allows",
                                   env->now()});
  if (again)
    end_attempt(at, sub_action_status::retrying, std::move(made), std::nullopt,
                nullptr, crashes[index].delay());
  else
    end_attempt(at, sub_action_status::failed, std::move(made),
                error{error_kind::quarantined,
                      "its actor died more often than max-restarts allows"},
                nullptr, std::nullopt);
}

void job_supervisor_state::worker_died(const caf::actor_addr& worker) {
  for (std::size_t at = 0; at < slots.size(); ++at) {
    auto& slot = slots[at];
    if (!slot.worker || slot.worker->address() != worker)
      continue;
    if (slot.index)
      attempt_lost(at, slot.made.number);
    else
      slot.worker = sub_action_actor{};
    return;
  }
}

void job_supervisor_state::retry_due(std::size_t index) {
  auto& sub = record.sub_actions.at(index);
  if (sub.status != sub_action_status::retrying)
    return;
  // The plan gives it the next free worker, in the order of the flow.
  sub.status = sub_action_status::waiting;
  proceed();
}

void job_supervisor_state::settle(std::size_t index, sub_action_status status,
                                  std::optional<error> failure) {
  change(sub_action_settled{index, status, std::move(failure)});
}

void job_supervisor_state::drain() {
  draining = true;
  finish_if_done();
}

void job_supervisor_state::cancel() {
  cancelled = true;
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
    const auto status = record.sub_actions[at].status;
    // What is under way cannot be taken back, and ends as it ends.
    if (!is_final(status) && status != sub_action_status::running)
      settle(at, sub_action_status::cancelled, std::nullopt);
  }
  finish_if_done();
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

void job_supervisor_state::finish_if_done() {
  std::vector<sub_action_status> statuses;
  for (const auto& each : record.sub_actions)
    statuses.push_back(each.status);
  const auto status = status_of(statuses);
  if (is_final(status) && !is_final(record.status))
    change(job_finished{status});
  const bool ended = is_final(record.status)
                  || (draining && free_slots().size() == slots.size());
  if (!ended) {
    events->flush();
    return;
  }
  if (!is_final(record.status))
    change(job_handed_back{});
  events->flush([this] {
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
    [self](again_atom, std::uint64_t index) {
      self->state.env->fault_point(job_supervisor_state::name);
      self->state.retry_due(static_cast<std::size_t>(index));
    },
    [self](save_atom) { self->state.events->flush(); },
    [self](drain_atom) { self->state.drain(); },
    [self](cancel_atom) { self->state.cancel(); },
  };
}

} // namespace handoff
