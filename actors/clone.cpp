#include "actors/clone.hpp"

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "actors/replies.hpp"
#include "config/answer_excerpt.hpp"
#include "config/kept_answer.hpp"
#include "job/excerpt.hpp"
#include "job/token.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace handoff {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

/// What calls are told apart by that take different times.
std::string_view name_of(clone_action step) {
  return step == clone_action::probe   ? "probe"
       : step == clone_action::poll    ? "poll"
       : step == clone_action::prepare ? "prepare"
                                       : "clone";
}

} // namespace

void clone_state::begin(clone_options options) {
  env = std::move(options.env);
  order = std::move(options.order);
  root = std::move(options.root);
  recovery_place = std::move(options.recovery_place);
  record.emplace(self, env, order->record);
  const auto& wanted = order->definition->clone;
  rules = {wanted.retry, std::nullopt, wanted.safe_to_repeat};
  if (wanted.probe)
    rules.probe = wanted.probe->rules;
  if (wanted.poll)
    rules.poll = wanted.poll->times;
  env->fault_point(name);
  if (order->fresh)
    admit();
  else
    resume();
}

attempt clone_state::new_attempt() const {
  attempt made;
  made.number = next_attempt_number((*record)->clone.attempts);
  made.started = env->now();
  made.worker = name;
  made.upstream = order->definition->clone.request.upstream;
  return made;
}

result<outbound_call> clone_state::build_attempt() const {
  return build_call(
    *order->definition, order->definition->clone.request, rules.retry, **record,
    {name, next_attempt_number((*record)->clone.attempts)}, call_class::clone);
}

attempt clone_state::cut_short(error why) const {
  auto made = (*record)->clone.attempts.back();
  made.ended = true;
  made.counted = false;
  made.failure = std::move(why);
  return made;
}

void clone_state::resume() {
  if (order->responder)
    order->responder->answer_by(order->answer_by, accepted_reply());
  // Its call may be under way still, but nobody waits for that one.
  order->place->leave();
  // Of those that an upstream had told to wait, one comes back first.
  if (const auto since = (*record)->clone.throttled_since) {
    if (needs_prepare())
      prepare_throttled_since = since;
    env->turns->pause(needs_prepare()
                        ? prepare_step().request.upstream
                        : order->definition->clone.request.upstream,
                      milliseconds{0});
  }
  const auto step = after_crash(rules, **record, env->now(), env->random());
  if (is_under_way((*record)->clone.attempts))
    follow(step, cut_short({error_kind::shut_down,
                            "the service stopped while it was under way"}));
  else
    follow(step, std::nullopt);
}

turn_ptr clone_state::take_turn() {
  auto upstream = upstream_of_next();
  auto asked = env->turns->ask({upstream, call_class::clone, (*record)->id},
                               [self = clone_actor{self}](turn_ptr turn) {
                                 caf::anon_send(self, granted_atom::value,
                                                std::move(turn));
                               });
  if (auto* turn = std::get_if<turn_ptr>(&asked))
    return std::move(*turn);
  ticket = std::get<turn_ticket_ptr>(std::move(asked));
  note = {env->waiting,
          (*record)->id,
          {std::string{name_of(next)}, std::move(upstream), env->now()}};
  return nullptr;
}

void clone_state::ask_turn() {
  order->place->enter(env->traffic->at(upstream_of_next()));
  if (auto turn = take_turn())
    turn_granted(std::move(turn));
  else
    rest();
}

void clone_state::turn_granted(turn_ptr turn) {
  ticket.reset();
  note = {};
  if (ended || next_of(**record) != job_work::clone)
    return; // the turn goes to the next who waits
  take_fresh_secrets();
  if (admitting)
    early_turn = std::move(turn);
  else if (next == clone_action::prepare)
    make_prepare(std::move(turn));
  else if (next == clone_action::probe)
    make_probe(std::move(turn));
  else if (next == clone_action::poll)
    make_poll(std::move(turn));
  else
    make_attempt(std::move(turn));
}

void clone_state::make_attempt(turn_ptr turn) {
  // What the calls before it answered is journaled with its begin.
  if (needs_prepare())
    record->change(
      clone_prepared{std::exchange(prepared, nlohmann::json::object())});
  auto built = build_attempt();
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::failed, *failed);
    return;
  }
  under_way = new_attempt();
  record->change(clone_attempt_begun{under_way});
  // It must be known that it may have been sent before it is.
  record->flush([this, turn = std::move(turn),
                 call = std::get<outbound_call>(std::move(built))]() mutable {
    send(std::move(call), std::move(turn), &clone_state::attempt_ended);
  });
}

void clone_state::send(outbound_call call, turn_ptr turn,
                       void (clone_state::*told)(const exchange&)) {
  call.turn = std::move(turn);
  order->place->enter(env->traffic->at(upstream_of(call)));
  const auto patience = call.timeout + request_grace;
  ask(self, *env, env->outbound, patience,
      std::make_shared<const outbound_call>(std::move(call)))
    .then(
      [this, told](const exchange_ptr& done) {
        env->fault_point(name);
        order->place->leave();
        (this->*told)(*done);
      },
      [this, told](const caf::error&) {
        order->place->leave();
        exchange lost;
        lost.sent = true;
        lost.failure =
          error{error_kind::internal, "the outbound client did not answer"};
        (this->*told)(lost);
      });
}

void clone_state::attempt_ended(const exchange& done) {
  const auto& wanted = order->definition->clone;
  auto reading = read(wanted.request, done);
  auto verdict =
    rules.poll
      ? judge_polled_clone(done, wanted.uid, rules.retry, reading, env->now())
      : judge_clone(done, wanted.uid, rules.retry, reading, env->now());
  if (verdict.failure)
    verdict.failure = masked(*order->definition, std::move(*verdict.failure));
  observe(done, verdict.outcome == clone_outcome::done);
  auto made = under_way;
  made.duration = done.duration;
  made.waited = waited_before(made, env->now());
  made.http_status = done.status;
  made.failure = verdict.failure;
  made.counted = verdict.outcome != clone_outcome::uncounted
              && verdict.outcome != clone_outcome::throttled;
  made.ended = true;
  if (verdict.outcome != clone_outcome::done
      && verdict.outcome != clone_outcome::accepted)
    made.response = excerpt_of(order->definition->hidden, done,
                               env->connection_of(wanted.request));
  if (verdict.outcome == clone_outcome::done) {
    finish(std::move(made), std::move(verdict.uid),
           kept_clone_answer(*order->definition, std::move(verdict.answer),
                             done.headers));
    return;
  }
  if (verdict.outcome == clone_outcome::accepted) {
    accept(std::move(made), std::move(reading), done);
    return;
  }
  if (verdict.outcome == clone_outcome::throttled) {
    const auto step = after_throttled(rules, verdict, early());
    pause_upstream(verdict, step);
    follow(step, std::move(made));
    return;
  }
  const auto counted = (*record)->clone.counted + (made.counted ? 1u : 0u);
  follow(after_attempt(rules, verdict, counted, env->random(),
                       retry_after_of(done, env->now())),
         std::move(made));
}

answer_reading clone_state::read(const request_template& request,
                                 const exchange& done) {
  const bool again =
    token_renewed || was_token_refused((*record)->clone.attempts);
  const auto step = next == clone_action::prepare
                    ? "prepare:" + prepare_step().name
                    : std::string{name};
  auto reading = read_answer(*order->definition, request, **record, done, true,
                             {env->connection_of(request), again, nullptr,
                              needs_prepare() ? &prepared : nullptr, step});
  token_renewed = reading.rule && reading.rule->then == ruled::refresh;
  if (token_renewed)
    env->turns->token_refused(request.connection, done.token);
  return reading;
}

void clone_state::pause_upstream(const clone_verdict& verdict,
                                 const clone_step& step) {
  const auto asked = verdict.wait.value_or(step.pause);
  env->turns->pause(request_of_next().upstream,
                    std::min(asked, rules.retry.throttled_for));
}

void clone_state::take_fresh_secrets() {
  auto fresh = env->fresh(order->definition);
  if (fresh == order->definition)
    return;
  auto made = std::make_shared<clone_order>(*order);
  made->definition = std::move(fresh);
  order = std::move(made);
}

early_attempt clone_state::early() const {
  const auto& clone = (*record)->clone;
  early_attempt made;
  made.now = env->now();
  made.throttled = clone.throttled + 1;
  made.since = clone.throttled_since.value_or(made.now);
  made.random = env->random();
  if (sender_waits())
    made.sender_waits = std::chrono::duration_cast<milliseconds>(
      order->answer_by - self->clock().now());
  return made;
}

void clone_state::follow(const clone_step& wanted,
                         std::optional<attempt> made) {
  auto step = wanted;
  // Of what was never answered, the calls before the clone come first.
  if (step.action == clone_action::attempt && needs_prepare()
      && prepared.size() < order->definition->prepare.size())
    step.action = clone_action::prepare;
  if ((*record)->cancel_requested) {
    settle(std::move(made), job_status::cancelled,
           {error_kind::cancelled, "somebody cancelled the job"});
    return;
  }
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
  case clone_action::prepare:
  case clone_action::probe:
  case clone_action::poll:
    break;
  }
  // A pause before a probe is not written as one before an attempt: after a
  // crash, the attempt must not be made without looking.
  std::optional<wall_time> due;
  if (step.action == clone_action::attempt)
    due = env->now() + step.pause;
  if (made)
    record->change(clone_attempt_ended{std::move(*made), due});
  if (step.action == clone_action::probe && next != clone_action::probe)
    probe_began = self->clock().now();
  next = step.action;
  if (draining) {
    hand_back();
    return;
  }
  record->flush();
  let_sender_go(step);
  if (step.pause.count() <= 0) {
    ask_turn();
    return;
  }
  pausing = true;
  rest();
  self->delayed_send(self, step.pause, again_atom::value);
}

const request_template& clone_state::request_of_next() const {
  const auto& wanted = order->definition->clone;
  return next == clone_action::probe   ? wanted.probe->request
       : next == clone_action::poll    ? wanted.poll->request
       : next == clone_action::prepare ? prepare_step().request
                                       : wanted.request;
}

std::string clone_state::upstream_of_next() const {
  const auto& request = request_of_next();
  if (!request.address || !request.connection.empty())
    return request.upstream;
  const auto built = build_poll();
  const auto* call = std::get_if<outbound_call>(&built);
  return call != nullptr ? upstream_of(call->url) : std::string{};
}

void clone_state::observe(const exchange& done, bool is_good) {
  env->traffic->observe((*record)->flow, name_of(next), upstream_of_next(),
                        done, is_good);
  if ((*record)->recoveries == 0)
    leave_recovery();
}

void clone_state::let_sender_go(const clone_step& step) {
  if (!order->responder || std::exchange(sender_gone, true))
    return;
  const auto upstream = upstream_of_next();
  const auto line = env->traffic->at(upstream);
  const auto room = env->room ? env->room(upstream) : clone_room{};
  const auto turn = foreseen_turn(room, line->count(), line->latency().mean());
  const auto own =
    env->traffic->of((*record)->flow, name_of(next), upstream)->latency();
  const auto now = self->clock().now();
  const auto budget =
    std::chrono::duration_cast<microseconds>(order->answer_by - now);
  // Who stands in line now moves on during the pause.
  sender_gone = !fits(budget, std::max<microseconds>(step.pause, turn), own);
  // Not an answer: whoever has joined with a deadline of its own may wait on.
  if (sender_gone)
    order->responder->answer_by(now, accepted_reply());
}

bool clone_state::sender_waits() const {
  return order->responder && !sender_gone && !order->respond_async
      && self->clock().now() < order->answer_by;
}

void clone_state::next_due() {
  if (!pausing || draining)
    return;
  pausing = false;
  ask_turn();
}

void clone_state::watch_outcome() {
  if (!order->responder)
    return;
  order->responder->on_outcome(
    [env = env, job = (*record)->id, flow = (*record)->flow,
     trace = (*record)->hook.trace.trace_id](const reply_outcome& outcome) {
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
    [self](granted_atom, const turn_ptr& turn) {
      self->state.env->fault_point(clone_state::name);
      self->state.turn_granted(turn);
    },
    [self](const job_order_ptr& order) {
      self->state.obey(order);
      return taken_atom::value;
    },
    [self](save_atom) { self->state.record->flush(); },
    [self](drain_atom) { self->state.drain(); },
  };
}

} // namespace handoff
