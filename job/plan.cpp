#include "job/plan.hpp"

#include <algorithm>

namespace handoff {
namespace {

using status = sub_action_status;

bool did_not_succeed(status each) {
  return is_final(each) && each != status::succeeded;
}

} // namespace

plan_step next_step(std::span<const sub_action_rule> rules,
                    std::span<const sub_action_status> statuses,
                    std::size_t free_workers) {
  // A failure that stops the rest; a `halt` or `compensate` that is not final
  // yet stops nothing.
  bool stopped = false;
  for (std::size_t at = 0; at < rules.size(); ++at)
    stopped = stopped
           || (statuses[at] == status::failed
               && rules[at].on_failure != on_failure::proceed);
  plan_step step;
  // The statuses with what is skipped, copied once something is.
  std::vector<status> changed_statuses;
  auto now = statuses;
  // What is skipped makes what comes after it skipped too, whatever the order
  // in the flow.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t at = 0; at < rules.size(); ++at) {
      if (now[at] != status::waiting)
        continue;
      const auto& after = rules[at].after;
      if (stopped || std::any_of(after.begin(), after.end(), [&](auto other) {
            return did_not_succeed(now[other]);
          })) {
        if (changed_statuses.empty()) {
          changed_statuses.assign(statuses.begin(), statuses.end());
          now = changed_statuses;
        }
        changed_statuses[at] = status::skipped;
        step.skip.push_back(at);
        changed = true;
      }
    }
  }
  for (std::size_t at = 0;
       at < rules.size() && step.start.size() < free_workers; ++at) {
    const auto& after = rules[at].after;
    if (now[at] == status::waiting
        && std::all_of(after.begin(), after.end(), [&](auto other) {
             return now[other] == status::succeeded;
           }))
      step.start.push_back(at);
  }
  std::sort(step.skip.begin(), step.skip.end());
  return step;
}

job_status status_of(std::span<const sub_action_status> statuses) {
  bool failed = false;
  bool cancelled = false;
  for (const auto each : statuses) {
    if (!is_final(each))
      return job_status::running;
    failed = failed || each == status::failed || each == status::skipped;
    cancelled = cancelled || each == status::cancelled;
  }
  // What was skipped because somebody cancelled is a part of the cancellation.
  if (cancelled
      && std::none_of(statuses.begin(), statuses.end(),
                      [](auto each) { return each == status::failed; }))
    return job_status::cancelled;
  return failed ? job_status::failed : job_status::succeeded;
}

} // namespace handoff
