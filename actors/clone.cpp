#include "actors/clone.hpp"

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "actors/replies.hpp"
#include "job/crash_point.hpp"
#include "job/follow_up.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace handoff {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// What calls are told apart by that take different times.
std::string_view name_of(clone_action step) {
  return step == clone_action::probe ? "probe" : "clone";
}

/// A call that could be built, for those who send it to share.
std::shared_ptr<outbound_call> to_send(result<outbound_call> built) {
  return std::make_shared<outbound_call>(
    std::get<outbound_call>(std::move(built)));
}

} // namespace

void clone_state::begin(clone_options options) {
  env = std::move(options.env);
  order = std::move(options.order);
  root = std::move(options.root);
  record = order->record;
  const auto& wanted = order->definition->clone;
  rules = {wanted.retry, wanted.probe.has_value(), wanted.safe_to_repeat};
  events = std::make_unique<event_writer<self_pointer>>(self, env);
  env->fault_point(name);
  if (order->fresh)
    admit();
  else
    resume();
}

void clone_state::change(job_change what) {
  auto event = make_event(record, env->now(), std::move(what));
  apply(record, event);
  events->add(std::move(event));
}

std::uint32_t clone_state::upcoming() const {
  return next_attempt_number(record.clone.attempts);
}

attempt clone_state::new_attempt() const {
  attempt made;
  made.number = upcoming();
  made.started = env->now();
  made.worker = name;
  return made;
}

void clone_state::admit() {
  // What cannot be sent is the sender's mistake, and no job.
  auto built = build_call(order->definition->clone.request, rules.retry, record,
                          {name, upcoming()}, call_class::clone);
  if (const auto* failed = std::get_if<error>(&built)) {
    answer(problem_reply(masked(
      *order->definition, {error_kind::invalid_request, failed->detail})));
    self->quit();
    return;
  }
  const auto call = to_send(std::move(built));
  under_way = new_attempt();
  std::vector<job_event> admission;
  admission.reserve(2);
  admission.push_back(make_event(
    record, env->now(),
    job_accepted{record, {order->definition, &order->definition->definition}}));
  admission.push_back(
    make_event(record, env->now(), clone_attempt_begun{under_way}));
  apply(record, admission.back());
  const auto batch =
    std::make_shared<const std::vector<job_event>>(std::move(admission));
  // The sender was refused in the meantime, and may send it again.
  const auto cancel_late = [this] {
    const error late{error_kind::overloaded,
                     "it was journaled only after the deadline"};
    if (record.claim)
      change(key_released{record.claim->key});
    settle(cut_short(late), job_status::cancelled, late);
  };
  const auto refuse = [this](const std::string& why) {
    answer(problem_reply({error_kind::journal_unavailable, why}));
    self->quit();
  };
  // Nothing is acknowledged yet, so that a journal that fails is not waited
  // for: the sender is told, and may come again.
  crash_point("before-admission");
  ask(self, *env, env->journal, request_grace, events_ptr{batch})
    .then(
      [this, refuse, cancel_late, call](const commit_done& done) {
        crash_point("after-admission");
        if (done.failure) {
          refuse(done.failure->detail);
          return;
        }
        watch_outcome();
        if (self->clock().now() >= order->journal_by) {
          cancel_late();
          return;
        }
        if (order->responder)
          order->responder->answer_by(order->answer_by, accepted_reply());
        if (order->respond_async) {
          crash_point("before-accepted-reply");
          answer(accepted_reply());
          crash_point("after-accepted-reply");
        }
        send(call, &clone_state::attempt_ended);
      },
      [this, cancel_late](const caf::error&) {
        answer(problem_reply({error_kind::journal_unavailable,
                              "the journal did not answer in time"}));
        // It may be journaled yet. What follows it there says that nobody
        // works on it; where it was not journaled, that changes nothing.
        cancel_late();
      });
}

attempt clone_state::cut_short(error why) const {
  auto made = record.clone.attempts.back();
  made.ended = true;
  made.failure = std::move(why);
  return made;
}

void clone_state::resume() {
  if (order->responder)
    order->responder->answer_by(order->answer_by, accepted_reply());
  // Its call may be under way still, but nobody waits for that one.
  order->place->leave();
  const auto step = after_crash(rules, record, env->now());
  const auto& attempts = record.clone.attempts;
  if (attempts.empty() || attempts.back().ended)
    follow(step, std::nullopt);
  else
    follow(step, cut_short({error_kind::shut_down,
                            "the service stopped while it was under way"}));
}

void clone_state::make_attempt() {
  auto built = build_call(order->definition->clone.request, rules.retry, record,
                          {name, upcoming()}, call_class::clone);
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::failed, *failed);
    return;
  }
  under_way = new_attempt();
  change(clone_attempt_begun{under_way});
  // It must be known that it may have been sent before it is.
  events->flush([this, call = to_send(std::move(built))] {
    send(call, &clone_state::attempt_ended);
  });
}

void clone_state::send(std::shared_ptr<outbound_call> built,
                       void (clone_state::*ended)(const exchange&)) {
  upcoming_call = std::move(built);
  call_ended = ended;
  const auto upstream = upstream_of(upcoming_call->url);
  order->place->enter(env->traffic->at(upstream));
  auto asked =
    env->turns->ask({upstream, upcoming_call->purpose, upcoming_call->job},
                    [to = caf::actor_cast<clone_actor>(self)](turn_ptr turn) {
                      caf::anon_send(to, std::move(turn));
                    });
  if (auto* turn = std::get_if<turn_ptr>(&asked)) {
    turn_came(std::move(*turn));
    return;
  }
  ticket = std::get<turn_ticket_ptr>(std::move(asked));
  if (draining)
    drain();
  else if (cancelled)
    give_up_turn();
}

void clone_state::turn_came(turn_ptr turn) {
  if (upcoming_call == nullptr)
    return; // it was given up
  ticket.reset();
  upcoming_call->turn = std::move(turn);
  const auto patience = upcoming_call->timeout + request_grace;
  ask(self, *env, env->outbound, patience,
      outbound_call_ptr{std::exchange(upcoming_call, nullptr)})
    .then(
      [this, ended = call_ended](const exchange_ptr& done) {
        env->fault_point(name);
        order->place->leave();
        (this->*ended)(*done);
      },
      [this, ended = call_ended](const caf::error&) {
        order->place->leave();
        exchange lost;
        lost.sent = true;
        lost.failure =
          error{error_kind::internal, "the outbound client did not answer"};
        (this->*ended)(lost);
      });
}

void clone_state::give_up_turn() {
  if (ticket == nullptr)
    return;
  ticket.reset();
  upcoming_call.reset();
  order->place->leave();
  exchange unsent;
  unsent.failure = error{error_kind::overloaded, "its turn did not come"};
  (this->*call_ended)(unsent);
}

void clone_state::attempt_ended(const exchange& done) {
  auto verdict = judge_clone(done, order->definition->clone.uid, rules.retry);
  if (verdict.failure)
    verdict.failure = masked(*order->definition, std::move(*verdict.failure));
  observe(done, verdict.outcome == clone_outcome::done);
  auto made = under_way;
  made.duration = done.duration;
  made.waited = waited_before(made, env->now());
  made.http_status = done.status;
  made.failure = verdict.failure;
  made.counted = verdict.outcome != clone_outcome::uncounted;
  made.ended = true;
  if (verdict.outcome == clone_outcome::done) {
    finish(std::move(made), std::move(verdict.uid), std::move(verdict.answer));
    return;
  }
  const auto counted =
    counted_attempts(record.clone.attempts) + (made.counted ? 1u : 0u);
  follow(after_attempt(rules, verdict, counted, env->random(),
                       retry_after_of(done, env->now())),
         std::move(made));
}

void clone_state::make_probe() {
  const auto& probe = *order->definition->clone.probe;
  auto built = build_call(probe.request, rules.retry, record, {"clone:probe"},
                          call_class::clone);
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::ambiguous,
           {error_kind::clone_ambiguous, failed->detail});
    return;
  }
  send(to_send(std::move(built)), &clone_state::probe_ended);
}

void clone_state::probe_ended(const exchange& done) {
  auto verdict = judge_probe(done, order->definition->clone.probe->uid);
  const auto finding = verdict.finding;
  observe(done, finding != probe_finding::no_answer);
  if (finding == probe_finding::found) {
    finish(std::nullopt, std::move(verdict.uid), nullptr);
    return;
  }
  probes = finding == probe_finding::no_answer ? probes + 1 : 0;
  const auto& attempts = record.clone.attempts;
  follow(after_probe(rules, finding, counted_attempts(attempts), probes,
                     env->random(),
                     attempts.empty() ? std::nullopt : attempts.back().failure),
         std::nullopt);
}

void clone_state::follow(const clone_step& step, std::optional<attempt> made) {
  switch (step.action) {
  case clone_action::finish: // has its own way
    return;
  case clone_action::fail:
    settle(std::move(made), job_status::failed, *step.failure);
    return;
  case clone_action::surrender:
    settle(std::move(made), job_status::ambiguous, *step.failure);
    return;
  case clone_action::attempt:
  case clone_action::probe:
    break;
  }
  // A pause before a probe is not written as one before an attempt: after a
  // crash, the attempt must not be made without looking.
  std::optional<wall_time> due;
  if (step.action == clone_action::attempt)
    due = env->now() + step.pause;
  if (made)
    change(clone_attempt_ended{std::move(*made), due});
  next = step.action;
  pausing = true;
  if (cancelled) {
    cancel();
    return;
  }
  events->flush();
  if (draining) {
    drain();
    return;
  }
  let_sender_go(step);
  self->delayed_send(self, step.pause, again_atom::value);
}

std::string clone_state::upstream_of_next() const {
  const auto& wanted = order->definition->clone;
  const auto& request =
    next == clone_action::probe ? wanted.probe->request : wanted.request;
  // No expression can stand in the host.
  return upstream_of(request.url.literals().front());
}

void clone_state::observe(const exchange& done, bool is_good) {
  env->traffic->observe(record.flow, name_of(next), upstream_of_next(), done,
                        is_good);
}

void clone_state::let_sender_go(const clone_step& step) {
  if (!order->responder || std::exchange(sender_gone, true))
    return;
  const auto upstream = upstream_of_next();
  const auto line = env->traffic->at(upstream);
  const auto room = env->room ? env->room(upstream) : clone_room{};
  const auto turn = foreseen_turn(room, line->count(), line->latency().mean());
  const auto own =
    env->traffic->of(record.flow, name_of(next), upstream)->latency();
  const auto now = self->clock().now();
  const auto budget =
    std::chrono::duration_cast<microseconds>(order->answer_by - now);
  // Who stands in line now moves on during the pause.
  sender_gone = !fits(budget, std::max<microseconds>(step.pause, turn), own);
  // Not an answer: whoever has joined with a deadline of its own may wait on.
  if (sender_gone)
    order->responder->answer_by(now, accepted_reply());
}

void clone_state::next_due() {
  if (!pausing || draining)
    return;
  pausing = false;
  if (next == clone_action::probe)
    make_probe();
  else
    make_attempt();
}

void clone_state::finish(std::optional<attempt> made, nlohmann::json uid,
                         nlohmann::json answer_body) {
  std::vector<std::string> names;
  for (const auto& each : order->definition->sub_actions)
    names.push_back(each.name);
  // What no expression will ask for again is not kept: an upstream's answer
  // may be large, and hold what is nobody's business.
  if (!order->definition->keeps_clone_answer)
    answer_body = nullptr;
  answer_body = masked_answer(*order->definition, std::move(answer_body));
  change(clone_succeeded{std::move(made), std::move(uid),
                         std::move(answer_body), std::move(names)});
  if (cancelled)
    cancel_sub_actions();
  events->flush([this] {
    crash_point("before-reply");
    answer(cloned_reply());
    crash_point("after-reply");
    hand_on();
    self->quit();
  });
}

void clone_state::hand_on() {
  self->send(root, std::make_shared<const cloned_job>(
                     cloned_job{order->definition, std::move(record)}));
}

void clone_state::settle(std::optional<attempt> made, job_status status,
                         error failure) {
  failure = masked(*order->definition, std::move(failure));
  change(clone_settled{std::move(made), status, std::move(failure)});
  const auto& callback = order->definition->callback;
  if (status == job_status::failed && callback && callback->on_failed)
    change(callback_of(record, "failed"));
  events->flush([this] {
    answer(settled_reply(record));
    if (is_calling_back(record))
      hand_on();
    self->quit();
  });
}

void clone_state::drain() {
  draining = true;
  if (ticket != nullptr) {
    // As long as a sender waits, the turn may come.
    const auto left = order->answer_by - self->clock().now();
    if (order->respond_async || left <= left.zero())
      give_up_turn();
    else
      self->delayed_send(self, left, drain_atom::value);
    return;
  }
  // Between two attempts all that matters is in the journal.
  if (!pausing)
    return;
  change(job_handed_back{});
  events->flush([this] { self->quit(); });
}

void clone_state::cancel() {
  cancelled = true;
  give_up_turn();
  if (!pausing)
    return; // what is under way cannot be taken back
  pausing = false;
  settle(std::nullopt, job_status::cancelled,
         {error_kind::cancelled, "somebody cancelled the job"});
}

void clone_state::cancel_sub_actions() {
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at)
    change(step_settled{sub_action_at(at), sub_action_status::cancelled,
                        std::nullopt});
  change(job_finished{job_status::cancelled});
}

void clone_state::answer(reply what) {
  if (order->responder)
    order->responder->answer(std::move(what));
}

reply clone_state::accepted_reply() const {
  return handoff::accepted_reply(record, order->preference_applied);
}

reply clone_state::cloned_reply() const {
  return handoff::cloned_reply(*order->definition, record,
                               order->preference_applied);
}

void clone_state::watch_outcome() {
  if (!order->responder)
    return;
  order->responder->on_outcome(
    [env = env, job = record.id, flow = record.flow,
     trace = record.hook.trace.trace_id](const reply_outcome& outcome) {
      caf::anon_send(
        env->journal,
        std::make_shared<const std::vector<job_event>>(std::vector<job_event>{
          {job, env->now(), sender_replied{outcome.status, outcome.written},
           flow, trace}}));
    });
}

clone_actor::behavior_type clone(clone_state::self_pointer self,
                                 clone_options options) {
  self->state.begin(std::move(options));
  return {
    [self](again_atom) {
      self->state.env->fault_point(clone_state::name);
      self->state.next_due();
    },
    [self](const turn_ptr& turn) { self->state.turn_came(turn); },
    [self](save_atom) { self->state.events->flush(); },
    [self](drain_atom) { self->state.drain(); },
    [self](cancel_atom) { self->state.cancel(); },
  };
}

} // namespace handoff
