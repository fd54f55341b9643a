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

} // namespace

step_ended after_attempt(const job& record, step_result result,
                         const retry_policy& policy, double random,
                         wall_time now) {
  step_ended ended;
  ended.step = result.step;
  ended.made = std::move(result.made);
  auto& verdict = result.verdict;
  ended.made.ended = true;
  ended.made.failure = verdict.failure;
  ended.made.counted = verdict.outcome != sub_action_outcome::uncounted;
  if (verdict.outcome == sub_action_outcome::succeeded) {
    ended.answer = std::move(verdict.answer);
    return ended;
  }
  const auto counted =
    step_at(record, result.step).counted + (ended.made.counted ? 1u : 0u);
  const auto pause =
    verdict.outcome == sub_action_outcome::failed
      ? std::nullopt
      : next_attempt_in(policy, counted, random, result.retry_after);
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
