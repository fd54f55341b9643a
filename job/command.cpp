#include "job/command.hpp"

#include "job/verdict.hpp"

#include <algorithm>

namespace handoff {
namespace {

error conflict(std::string detail) {
  return {error_kind::conflict, std::move(detail)};
}

struct decider {
  const job& record;
  const std::vector<std::string>& sub_actions;
  wall_time now;

  job_event event(job_change change) const {
    return {record.id, now, std::move(change)};
  }

  result<command_decision> operator()(const retry_command& command) const {
    if (record.status == job_status::ambiguous)
      return conflict("the clone is ambiguous: resolve it first");
    if (!is_final(record.status) || record.status == job_status::succeeded)
      return conflict("the job has not failed; it is "
                      + std::string{name(record.status)});
    if (!record.clone.uid.is_null())
      return retry_sub_actions(command.sub_action);
    if (command.sub_action)
      return conflict("the clone failed: there are no sub-actions yet");
    return command_decision{{event(clone_ordered{})}, command_effect::clone};
  }

  result<command_decision>
  retry_sub_actions(const std::optional<std::string>& only) const {
    command_decision decided{{}, command_effect::sub_actions};
    bool known = false;
    for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
      const auto& sub = record.sub_actions[at];
      const bool named = only && sub.name == *only;
      known = known || named;
      if (sub.status == sub_action_status::succeeded)
        continue;
      if (!only || named || sub.status == sub_action_status::skipped)
        decided.events.push_back(event(
          sub_action_settled{at, sub_action_status::waiting, std::nullopt}));
    }
    if (only && !known)
      return error{error_kind::invalid_request,
                   "the job has no sub-action \"" + *only + '"'};
    if (only && !has_failed(*only))
      return conflict("the sub-action \"" + *only + "\" has not failed");
    if (decided.events.empty())
      return conflict("no sub-action has failed");
    return decided;
  }

  bool has_failed(const std::string& wanted) const {
    return std::any_of(record.sub_actions.begin(), record.sub_actions.end(),
                       [&](const auto& each) {
                         return each.name == wanted
                             && each.status != sub_action_status::succeeded;
                       });
  }

  result<command_decision> operator()(const cancel_command&) const {
    if (record.status != job_status::ambiguous)
      return conflict("the job is " + std::string{name(record.status)}
                      + " already");
    return command_decision{
      {event(clone_settled{
        std::nullopt, job_status::cancelled,
        error{error_kind::cancelled, "somebody cancelled the job"}})},
      command_effect::none};
  }

  result<command_decision> operator()(const resolve_command& command) const {
    if (record.status != job_status::ambiguous)
      return conflict("only an ambiguous clone can be resolved; the job is "
                      + std::string{name(record.status)});
    if (command.uid.is_null())
      return command_decision{{event(clone_ordered{})}, command_effect::clone};
    if (!is_uid(command.uid))
      return error{error_kind::invalid_request,
                   "\"uid\" has to be an integer or a string of 1 to 512 "
                   "bytes"};
    return command_decision{
      {event(clone_succeeded{std::nullopt, command.uid, nullptr, sub_actions})},
      command_effect::sub_actions};
  }
};

} // namespace

result<command_decision> decide(const job& record, const job_command& command,
                                const std::vector<std::string>& sub_actions,
                                wall_time now) {
  return std::visit(decider{record, sub_actions, now}, command);
}

std::vector<job_event> give_up(const job& record, const error& why,
                               wall_time now) {
  std::vector<job_event> events;
  if (record.status == job_status::cloning) {
    events.push_back({record.id, now,
                      clone_settled{std::nullopt, job_status::ambiguous, why}});
    return events;
  }
  for (std::size_t at = 0; at < record.sub_actions.size(); ++at)
    if (!is_final(record.sub_actions[at].status))
      events.push_back(
        {record.id, now,
         sub_action_settled{at, sub_action_status::failed, why}});
  events.push_back({record.id, now, job_finished{job_status::failed}});
  return events;
}

} // namespace handoff
