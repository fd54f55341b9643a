#include "job/plan.hpp"

#include <algorithm>

namespace handoff {
namespace {

using status = sub_action_status;

bool did_not_succeed(const step_record& step) {
  return is_final(step.status) && !is_satisfied(step);
}

} // namespace

plan_step next_step(std::span<const sub_action_rule> rules,
                    std::span<const step_record> steps) {
  // A failure that stops the rest; a `halt` or `compensate` that is not final
  // yet stops nothing.
  bool stopped = false;
  for (std::size_t at = 0; at < rules.size(); ++at)
    stopped = stopped
           || (steps[at].status == status::failed
               && rules[at].on_failure != on_failure::proceed);
  plan_step step;
  const auto is_skipped = [&](std::size_t at) {
    return std::find(step.skip.begin(), step.skip.end(), at) != step.skip.end();
  };
  const auto blocks = [&](std::size_t other) {
    return did_not_succeed(steps[other]) || is_skipped(other);
  };
  // What is skipped makes what comes after it skipped too, whatever the order
  // in the flow.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t at = 0; at < rules.size(); ++at) {
      const auto& after = rules[at].after;
      if (steps[at].status != status::waiting || is_skipped(at)
          || (!stopped && std::none_of(after.begin(), after.end(), blocks)))
        continue;
      step.skip.push_back(at);
      changed = true;
    }
  }
  for (std::size_t at = 0; at < rules.size(); ++at) {
    const auto& after = rules[at].after;
    // By another definition it may have been attempted whole.
    const bool is_due =
      steps[at].status == status::waiting
      || (rules[at].is_repeated && steps[at].status == status::retrying);
    if (is_due && !is_skipped(at)
        && std::all_of(after.begin(), after.end(),
                       [&](auto other) { return is_satisfied(steps[other]); }))
      (rules[at].is_repeated ? step.expand : step.start).push_back(at);
  }
  std::sort(step.skip.begin(), step.skip.end());
  return step;
}

job_status status_of(std::span<const step_record> steps) {
  bool failed = false;
  bool cancelled = false;
  for (const auto& each : steps) {
    if (!is_final(each.status))
      return job_status::running;
    failed = failed || each.status == status::failed
          || (each.status == status::skipped && !is_satisfied(each));
    cancelled = cancelled || each.status == status::cancelled;
  }
  // What was skipped because somebody cancelled is a part of the cancellation.
  if (cancelled
      && std::none_of(steps.begin(), steps.end(), [](const auto& each) {
           return each.status == status::failed;
         }))
    return job_status::cancelled;
  return failed ? job_status::failed : job_status::succeeded;
}

} // namespace handoff
