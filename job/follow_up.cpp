#include "job/follow_up.hpp"

#include <algorithm>

namespace handoff {
namespace {

std::vector<sub_action_status> statuses_of(std::span<const step_record> steps) {
  std::vector<sub_action_status> statuses;
  statuses.reserve(steps.size());
  for (const auto& each : steps)
    statuses.push_back(each.status);
  return statuses;
}

bool all_final(std::span<const step_record> steps) {
  return std::all_of(steps.begin(), steps.end(),
                     [](const auto& each) { return is_final(each.status); });
}

/// When its last attempt ended.
wall_time end_of(const step_record& step) {
  if (step.attempts.empty())
    return {};
  return step.attempts.back().started + step.attempts.back().duration;
}

bool must_compensate(const job& record,
                     std::span<const sub_action_rule> rules) {
  bool must = false;
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
    const auto status = record.sub_actions[at].status;
    if (!is_final(status) || status == sub_action_status::cancelled)
      return false;
    must = must
        || (status == sub_action_status::failed
            && rules[at].on_failure == on_failure::compensate);
  }
  return must;
}

} // namespace

std::vector<std::string>
compensations_due(const job& record, std::span<const sub_action_rule> rules,
                  bool clone_compensable) {
  if (!record.compensations.empty() || !must_compensate(record, rules))
    return {};
  std::vector<const step_record*> done;
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at)
    if (record.sub_actions[at].status == sub_action_status::succeeded
        && rules[at].compensable)
      done.push_back(&record.sub_actions[at]);
  // Of two that ended in the same millisecond, the later one in the flow is
  // undone first.
  std::stable_sort(done.begin(), done.end(),
                   [](const auto* left, const auto* right) {
                     return end_of(*left) < end_of(*right);
                   });
  std::vector<std::string> names;
  for (auto each = done.rbegin(); each != done.rend(); ++each)
    names.push_back((*each)->name);
  if (clone_compensable)
    names.emplace_back(clone_name);
  return names;
}

steps_added callback_of(const job& record, std::string_view event) {
  const auto told = std::count_if(
    record.callbacks.begin(), record.callbacks.end(),
    [&](const auto& each) { return event_of(each.name) == event; });
  std::string name{event};
  if (told > 0)
    name += '-' + std::to_string(told + 1);
  return {step_kind::callback, {std::move(name)}};
}

std::string_view event_of(std::string_view callback) {
  return callback.substr(0, callback.find('-'));
}

std::optional<std::size_t> next_in_turn(std::span<const step_record> steps) {
  for (std::size_t at = 0; at < steps.size(); ++at)
    if (!is_final(steps[at].status))
      return steps[at].status == sub_action_status::waiting ? std::optional{at}
                                                            : std::nullopt;
  return std::nullopt;
}

job_status outcome_of(const job& record) {
  if (!all_final(record.compensations))
    return job_status::running;
  return status_of(statuses_of(record.sub_actions));
}

} // namespace handoff
