#include "job/step_plan.hpp"

#include <utility>

namespace handoff {
namespace {

using status = sub_action_status;

bool is_cancelled(const job& record, step_ref step) {
  // A callback tells of what has become of the job, its cancellation too.
  return record.cancel_requested && step.kind != step_kind::callback;
}

const step_record& step_at(const job& record, step_ref which) {
  return steps_of(record, which.kind).at(which.index);
}

/// When the step has waited long enough: from its first look on.
wall_time wait_end(const step_record& step, const attempt& last,
                   const wait_rules& rules) {
  const auto first =
    step.attempts.empty() ? last.started : step.attempts.front().started;
  return step.wait_ends.value_or(first + rules.limit);
}

} // namespace

step_ended after_attempt(const job& record, step_result result,
                         const retry_policy& policy, double random,
                         wall_time now, const std::optional<wait_rules>& wait) {
  step_ended ended;
  ended.step = result.step;
  ended.made = std::move(result.made);
  auto& verdict = result.verdict;
  ended.made.ended = true;
  ended.made.failure = verdict.failure;
  const bool is_early = verdict.outcome == sub_action_outcome::throttled;
  ended.made.counted =
    verdict.outcome != sub_action_outcome::uncounted && !is_early;
  if (verdict.outcome == sub_action_outcome::succeeded) {
    ended.answer = std::move(verdict.answer);
    return ended;
  }
  const auto counted =
    step_at(record, result.step).counted + (ended.made.counted ? 1u : 0u);
  auto pause = verdict.outcome == sub_action_outcome::failed
               ? std::nullopt
               : next_attempt_in(policy, counted, random, result.retry_after);
  if (is_early) {
    auto next =
      after_not_now(policy, {verdict.wait},
                    step_at(record, result.step).throttled_since.value_or(now),
                    now, random, policy.throttled);
    pause = next.pause;
    if (!pause)
      verdict.failure = std::move(next.failure);
  } else if (pause && verdict.wait) {
    pause = lengthened(policy, *verdict.wait, random);
  }
  if (pause && wait
      && now + *pause
           > wait_end(step_at(record, result.step), ended.made, *wait)) {
    pause.reset();
    verdict.failure = wait_timed_out(*wait, ended.made.http_status);
  }
  if (pause && is_cancelled(record, result.step)) {
    ended.status = status::cancelled;
  } else if (pause) {
    ended.status = status::retrying;
    ended.next_attempt = now + *pause;
  } else {
    ended.status = status::failed;
    ended.failure = std::move(verdict.failure);
  }
  return ended;
}

std::variant<step_ended, wait_begun, std::chrono::milliseconds>
after_wait(const job& record, step_result result, const wait_rules& rules,
           wall_time now) {
  const auto& step = step_at(record, result.step);
  const auto ends = step.wait_ends.value_or(now + rules.limit);
  const auto next = after_look(rules, ends, now, result.retry_after);
  result.made.ended = true;
  if (is_cancelled(record, result.step)) {
    result.made.counted = false;
    return step_ended{result.step, std::move(result.made), status::cancelled,
                      nullptr,     std::nullopt,           std::nullopt};
  }
  if (!next.pause) {
    const auto failure = wait_timed_out(rules, result.made.http_status);
    result.made.failure = failure;
    return step_ended{result.step,    std::move(result.made),
                      status::failed, nullptr,
                      failure,        std::nullopt};
  }
  if (step.wait_ends)
    return *next.pause;
  result.made.counted = false;
  return wait_begun{result.step, std::move(result.made), ends,
                    now + *next.pause};
}

step_ended after_cut_short(const job& record, step_ref step, attempt made,
                           error why, std::chrono::milliseconds pause,
                           wall_time now) {
  made.ended = true;
  made.counted = false;
  made.failure = std::move(why);
  const bool cancelled = is_cancelled(record, step);
  return {step,
          std::move(made),
          cancelled ? status::cancelled : status::retrying,
          nullptr,
          std::nullopt,
          cancelled ? std::nullopt : std::optional{now + pause}};
}

} // namespace handoff
