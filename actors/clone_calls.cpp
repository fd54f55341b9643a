// The calls of a clone actor beside its attempts: those before the clone, the
// polls of one that its upstream has accepted, and the probe of one whose
// outcome is unknown.

#include "actors/call_builder.hpp"
#include "actors/clone.hpp"
#include "config/answer_excerpt.hpp"
#include "config/kept_answer.hpp"
#include "job/crash_point.hpp"
#include "job/excerpt.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

using std::chrono::milliseconds;

namespace {

/// A reading of the monotonic clock, for the rules that compare wall times. A
/// jump of the wall clock would end a probe early, and a clone be made twice.
wall_time as_wall_time(std::chrono::steady_clock::time_point steady) {
  return wall_time{
    std::chrono::duration_cast<wall_time::duration>(steady.time_since_epoch())};
}

/// ": " and what was answered, on one line; empty if nothing was.
std::string answer_line(const secrets& hidden, const exchange& done,
                        const connection_ptr& through) {
  const auto said = excerpt_of(hidden, done, through);
  const auto line = said ? headline(*said) : std::string{};
  return line.empty() ? line : ": " + line;
}

} // namespace

bool clone_state::needs_prepare() const {
  return !order->definition->prepare.empty()
      && (*record)->clone.prepared.is_null();
}

const prepare_template& clone_state::prepare_step() const {
  return order->definition->prepare[prepared.size()];
}

result<outbound_call> clone_state::build_prepare() const {
  const auto& step = prepare_step();
  return build_call(*order->definition, step.request,
                    order->definition->prepare_retry, **record,
                    {"prepare:" + step.name, 0, nullptr, &prepared, asked_at},
                    call_class::clone);
}

void clone_state::note_inquiry(std::string called,
                               const request_template& request,
                               const exchange& done, std::string_view finding,
                               const std::optional<error>& failure,
                               bool is_good) {
  inquiry made;
  made.name = std::move(called);
  made.finding = finding;
  made.last.started = asked_at;
  made.last.worker = name;
  made.last.upstream = request.upstream;
  made.last.duration = done.duration;
  made.last.waited = waited_before(made.last, env->now());
  made.last.http_status = done.status;
  made.last.ended = true;
  if (failure)
    made.last.failure = masked(*order->definition, *failure);
  if (!is_good)
    made.last.response =
      excerpt_of(order->definition->hidden, done, env->connection_of(request),
                 finding == handoff::name(poll_finding::not_yet)
                   ? waiting_excerpt_bytes_max
                   : excerpt_bytes_max);
  record->note(std::nullopt, std::move(made));
}

void clone_state::make_prepare(turn_ptr turn) {
  asked_at = env->now();
  auto built = build_prepare();
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::failed, *failed);
    return;
  }
  send(std::get<outbound_call>(std::move(built)), std::move(turn),
       &clone_state::prepare_ended);
}

void clone_state::prepare_ended(const exchange& done) {
  if (ended || next_of(**record) != job_work::clone)
    return; // somebody cancelled it meanwhile
  const auto& flow = *order->definition;
  const auto& step = prepare_step();
  auto reading = read(step.request, done);
  const auto verdict =
    judge_sub_action(done, flow.prepare_retry, reading, env->now());
  observe(done, verdict.outcome == sub_action_outcome::succeeded);
  note_inquiry("prepare:" + step.name, step.request, done,
               finding_of(verdict.outcome), verdict.failure,
               verdict.outcome == sub_action_outcome::succeeded);
  if (verdict.outcome == sub_action_outcome::succeeded) {
    prepared[step.name] = kept_answer(flow.hidden,
                                      step.keeps_answer && reading.answer
                                        ? std::move(*reading.answer)
                                        : nlohmann::json(),
                                      done.headers, step.kept_headers);
    prepare_counted = prepare_throttled = 0;
    prepare_throttled_since.reset();
    follow({prepared.size() < flow.prepare.size() ? clone_action::prepare
                                                  : clone_action::attempt,
            milliseconds{0}, std::nullopt},
           std::nullopt);
    return;
  }
  follow(after_prepare(verdict, done), std::nullopt);
}

clone_step clone_state::after_prepare(const sub_action_verdict& verdict,
                                      const exchange& done) {
  const clone_rules own{order->definition->prepare_retry, std::nullopt, true};
  clone_verdict same;
  same.failure = verdict.failure;
  if (same.failure)
    same.failure->detail =
      "prepare " + prepare_step().name + ": " + same.failure->detail
      + answer_line(order->definition->hidden, done,
                    env->connection_of(prepare_step().request));
  same.wait = verdict.wait;
  auto step = clone_step{};
  if (verdict.outcome == sub_action_outcome::throttled) {
    auto made = early();
    made.throttled = ++prepare_throttled;
    prepare_throttled_since = prepare_throttled_since.value_or(made.now);
    made.since = *prepare_throttled_since;
    step = after_throttled(own, same, made);
    pause_upstream(same, step);
    if (step.action == clone_action::attempt)
      record->change(prepare_postponed{made.now + step.pause});
  } else {
    same.outcome = verdict.outcome == sub_action_outcome::retryable
                   ? clone_outcome::retryable
                 : verdict.outcome == sub_action_outcome::uncounted
                   ? clone_outcome::uncounted
                   : clone_outcome::failed;
    if (same.outcome != clone_outcome::uncounted)
      ++prepare_counted;
    step = after_attempt(own, same, prepare_counted, env->random(),
                         retry_after_of(done, env->now()));
  }
  if (step.action == clone_action::attempt)
    step.action = clone_action::prepare;
  return step;
}

void clone_state::make_probe(turn_ptr turn) {
  asked_at = env->now();
  const auto& probe = *order->definition->clone.probe;
  auto built = build_call(
    *order->definition, probe.request, rules.retry, **record,
    {"clone:probe", 0, nullptr, nullptr, asked_at}, call_class::clone);
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::ambiguous,
           {error_kind::clone_ambiguous, failed->detail});
    return;
  }
  send(std::get<outbound_call>(std::move(built)), std::move(turn),
       &clone_state::probe_ended);
}

void clone_state::probe_ended(const exchange& done) {
  if (ended || next_of(**record) != job_work::clone)
    return; // somebody cancelled it meanwhile
  const auto& probe = *order->definition->clone.probe;
  const auto reading = read(probe.request, done);
  nlohmann::json uid;
  const auto finding = judge_probe(done, probe.uid, reading, uid);
  observe(done, finding != probe_finding::no_answer);
  auto failure = done.failure;
  if (!failure && finding == probe_finding::no_answer)
    failure =
      error{error_kind::upstream_status,
            "the upstream answered with status " + std::to_string(done.status)};
  note_inquiry("probe", probe.request, done, handoff::name(finding), failure,
               finding == probe_finding::found);
  if (finding == probe_finding::found) {
    const auto* answer =
      probe.answer ? find_at(*reading.answer, *probe.answer) : nullptr;
    finish(std::nullopt, std::move(uid),
           kept_clone_answer(*order->definition,
                             answer != nullptr ? *answer : nlohmann::json(),
                             {}));
    return;
  }
  const auto& clone = (*record)->clone;
  probe_end made;
  made.finding = finding;
  made.counted = clone.counted;
  made.is_accepted = clone.accepted.has_value();
  made.now = as_wall_time(self->clock().now());
  made.ends = made.now;
  made.random = env->random();
  made.retry_after = retry_after_of(done, env->now());
  made.took = done.duration;
  if (!clone.attempts.empty()) {
    const auto& last = clone.attempts.back();
    // What a crash cut short may be under way at its upstream yet, for as long
    // as an attempt may take; nobody knows when it was sent.
    const bool is_cut_short =
      last.failure && last.failure->kind == error_kind::shut_down;
    const auto began = is_cut_short && !made.is_accepted
                       ? probe_began + rules.retry.attempt_timeout
                       : probe_began;
    made.ends = probe_ends(probe.rules, as_wall_time(began));
    made.last = last.failure;
  }
  auto step = after_probe(rules, made);
  if (finding == probe_finding::no_answer)
    tell_last(step, "probe", probe.request, done);
  follow(step, std::nullopt);
}

void clone_state::tell_last(clone_step& step, std::string_view call,
                            const request_template& request,
                            const exchange& done) const {
  if (!step.failure)
    return;
  auto& detail = step.failure->detail;
  ((detail += "; the last ") += call) += ' ';
  detail += done.failure
            ? "failed: " + done.failure->detail
            : "was answered with status " + std::to_string(done.status)
                + answer_line(order->definition->hidden, done,
                              env->connection_of(request));
}

void clone_state::accept(attempt made, answer_reading reading,
                         const exchange& done) {
  const auto now = env->now();
  const auto& flow = *order->definition;
  accepted_clone accepted{
    kept_answer(flow.hidden,
                std::move(reading.answer).value_or(nlohmann::json()),
                done.headers, flow.referenced_accepted_headers),
    now + rules.poll->limit};
  made.failure.reset();
  record->change(clone_accepted{std::move(made), std::move(accepted)});
  // That it was accepted is known before it is asked for, and before the sender
  // hears of it.
  crash_point("before-clone-accepted");
  record->flush([this, pause = std::max(
                         rules.poll->every,
                         retry_after_of(done, now).value_or(milliseconds{0}))] {
    crash_point("after-clone-accepted");
    if (ended)
      return;
    // An address that the flow does not allow is never called.
    const auto built = build_poll();
    if (const auto* failed = std::get_if<error>(&built))
      settle(std::nullopt, job_status::ambiguous,
             {error_kind::clone_ambiguous, failed->detail});
    else
      follow({clone_action::poll, pause, std::nullopt}, std::nullopt);
  });
}

result<outbound_call> clone_state::build_poll() const {
  return build_call(
    *order->definition, order->definition->clone.poll->request, rules.retry,
    **record, {"clone:poll", 0, nullptr, nullptr, asked_at}, call_class::clone);
}

void clone_state::make_poll(turn_ptr turn) {
  asked_at = env->now();
  auto built = build_poll();
  if (const auto* failed = std::get_if<error>(&built)) {
    settle(std::nullopt, job_status::ambiguous,
           {error_kind::clone_ambiguous, failed->detail});
    return;
  }
  send(std::get<outbound_call>(std::move(built)), std::move(turn),
       &clone_state::poll_ended);
}

void clone_state::poll_ended(const exchange& done) {
  if (ended || next_of(**record) != job_work::clone)
    return; // somebody cancelled it meanwhile
  const auto& wanted = order->definition->clone;
  const auto reading = read(wanted.poll->request, done);
  auto verdict = judge_poll(done, wanted.uid, reading, env->now());
  observe(done, verdict.finding != poll_finding::no_answer);
  note_inquiry("poll", wanted.poll->request, done,
               handoff::name(verdict.finding), verdict.failure,
               verdict.finding == poll_finding::done);
  if (verdict.finding == poll_finding::done) {
    finish(std::nullopt, std::move(verdict.uid),
           kept_clone_answer(*order->definition, std::move(verdict.answer),
                             done.headers));
    return;
  }
  gone = verdict.finding == poll_finding::gone ? gone + 1 : 0;
  poll_end made;
  made.ends = (*record)->clone.accepted->ends;
  made.now = env->now();
  made.gone = gone;
  made.wait = verdict.wait ? verdict.wait : retry_after_of(done, made.now);
  auto step = after_poll(rules, verdict, made);
  if (verdict.finding != poll_finding::failed)
    tell_last(step, "poll", wanted.poll->request, done);
  follow(step, std::nullopt);
}

} // namespace handoff
