#include "job/follow_up.hpp"

#include <algorithm>

namespace handoff {
namespace {

bool all_final(std::span<const step_record> steps) {
  return std::all_of(steps.begin(), steps.end(),
                     [](const auto& each) { return is_final(each.status); });
}

bool must_compensate(const job& record, const follow_up_rules& rules) {
  if (record.cancel_requested)
    return false;
  bool must = false;
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
    const auto status = record.sub_actions[at].status;
    if (!is_final(status) || status == sub_action_status::cancelled)
      return false;
    must = must
        || (status == sub_action_status::failed
            && rules.sub_actions[at].on_failure == on_failure::compensate);
  }
  return must;
}

bool has_told(const job& record, std::string_view event) {
  return std::any_of(
    record.callbacks.begin(), record.callbacks.end(),
    [&](const auto& each) { return event_of(each.name) == event; });
}

/// What has not begun, or is between two attempts, of a job that somebody wants
/// cancelled. What is under way ends as it ends.
std::vector<job_change> cancellations(const job& record) {
  std::vector<job_change> changes;
  for (const auto kind : {step_kind::sub_action, step_kind::compensation}) {
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      if (!is_final(steps[at].status)
          && steps[at].status != sub_action_status::running)
        changes.emplace_back(
          step_settled{{kind, at}, sub_action_status::cancelled, std::nullopt});
  }
  return changes;
}

std::vector<job_change> skips(const job& record, const follow_up_rules& rules) {
  // Only after something that did not succeed.
  if (std::all_of(record.sub_actions.begin(), record.sub_actions.end(),
                  [](const step_record& each) {
                    return !is_final(each.status) || is_satisfied(each);
                  }))
    return {};
  std::vector<job_change> changes;
  for (const auto at : next_step(rules.sub_actions, record.sub_actions).skip)
    changes.emplace_back(step_settled{
      sub_action_at(at), sub_action_status::skipped, std::nullopt});
  return changes;
}

std::vector<job_change> end_of(const job& record,
                               const follow_up_rules& rules) {
  const auto status = outcome_of(record);
  if (!is_final(status))
    return {};
  std::vector<job_change> changes{job_finished{status}};
  if ((status == job_status::succeeded && rules.tells_succeeded)
      || (status == job_status::failed && rules.tells_failed))
    changes.emplace_back(callback_of(record, name(status)));
  return changes;
}

} // namespace

std::vector<job_change> changes_due(const job& record,
                                    const follow_up_rules& rules) {
  if (record.status != job_status::running)
    return {};
  if (record.cancel_requested)
    if (auto changes = cancellations(record); !changes.empty())
      return changes;
  if (rules.tells_cloned && !record.cancel_requested
      && !has_told(record, "cloned"))
    return {callback_of(record, "cloned")};
  if (auto changes = skips(record, rules); !changes.empty())
    return changes;
  if (auto names = compensations_due(record, rules); !names.empty())
    return {steps_added{step_kind::compensation, std::move(names)}};
  return end_of(record, rules);
}

std::vector<std::string> compensations_due(const job& record,
                                           const follow_up_rules& rules) {
  if (!record.compensations.empty() || !must_compensate(record, rules))
    return {};
  std::vector<const step_record*> done;
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at)
    if (record.sub_actions[at].status == sub_action_status::succeeded
        && rules.sub_actions[at].compensable
        && !record.sub_actions[at].elements)
      done.push_back(&record.sub_actions[at]);
  std::sort(done.begin(), done.end(), [](const auto* left, const auto* right) {
    return left->success > right->success;
  });
  std::vector<std::string> names;
  for (const auto* each : done)
    names.push_back(each->name);
  if (rules.clone_compensable)
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
      return steps[at].status == sub_action_status::running ? std::nullopt
                                                            : std::optional{at};
  return std::nullopt;
}

job_status outcome_of(const job& record) {
  // Without a UID there is nothing that could have succeeded.
  if (record.clone.uid.is_null())
    return record.status;
  if (!all_final(record.compensations))
    return job_status::running;
  return status_of(record.sub_actions);
}

} // namespace handoff
