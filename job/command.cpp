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
    return make_event(record, now, std::move(change));
  }

  result<command_decision> operator()(const retry_command& command) const {
    if (record.status == job_status::ambiguous)
      return conflict("the clone is ambiguous: resolve it first");
    if (!is_final(record.status))
      return conflict("the job has not failed; it is "
                      + std::string{name(record.status)});
    if (record.status == job_status::succeeded)
      return retry_callbacks(command.sub_action,
                             "the job has not failed; it is succeeded");
    if (!record.compensations.empty())
      return retry_compensations(command.sub_action);
    if (!record.clone.uid.is_null())
      return retry_sub_actions(command.sub_action);
    if (command.sub_action)
      return conflict("the clone failed: there are no sub-actions yet");
    // A clone that was cancelled may have been sent, and nobody settled it.
    if (record.status != job_status::failed)
      return conflict("the job was cancelled before it had its UID: send its "
                      "webhook again");
    return command_decision{{event(clone_reopened{})}, command_effect::clone};
  }

  /// Lets the steps of `kind` that ended without success wait again.
  std::vector<job_event> again(step_kind kind) const {
    std::vector<job_event> events;
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      if (is_final(steps[at].status)
          && steps[at].status != sub_action_status::succeeded)
        events.push_back(event(
          step_settled{{kind, at}, sub_action_status::waiting, std::nullopt}));
    return events;
  }

  /// What is left when nothing else can be tried again.
  result<command_decision>
  retry_callbacks(const std::optional<std::string>& sub_action,
                  std::string otherwise) const {
    auto events = again(step_kind::callback);
    if (sub_action || events.empty())
      return conflict(std::move(otherwise));
    return command_decision{std::move(events), command_effect::steps};
  }

  /// What was undone is not done again, but undoing it may be tried again.
  result<command_decision>
  retry_compensations(const std::optional<std::string>& sub_action) const {
    auto events = again(step_kind::compensation);
    if (sub_action || events.empty())
      return retry_callbacks(sub_action,
                             "the job was compensated: what it had done is "
                             "undone; send its webhook again");
    return command_decision{std::move(events), command_effect::steps};
  }

  result<command_decision>
  retry_sub_actions(const std::optional<std::string>& only) const {
    command_decision decided{{}, command_effect::steps};
    bool known = false;
    for (std::size_t at = 0; at < record.sub_actions.size(); ++at) {
      const auto& sub = record.sub_actions[at];
      const bool named = only && sub.name == *only;
      known = known || named;
      if (sub.status == sub_action_status::succeeded)
        continue;
      if (!only || named || sub.status == sub_action_status::skipped)
        decided.events.push_back(event(step_settled{
          sub_action_at(at), sub_action_status::waiting, std::nullopt}));
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
      return command_decision{{event(clone_reopened{})}, command_effect::clone};
    if (!is_uid(command.uid))
      return error{error_kind::invalid_request,
                   "\"uid\" has to be an integer or a string of 1 to 512 "
                   "bytes"};
    return command_decision{
      {event(clone_succeeded{std::nullopt, command.uid, nullptr, sub_actions})},
      command_effect::steps};
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
    events.push_back(make_event(
      record, now, clone_settled{std::nullopt, job_status::ambiguous, why}));
    return events;
  }
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback}) {
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      if (!is_final(steps[at].status))
        events.push_back(
          make_event(record, now,
                     step_settled{{kind, at}, sub_action_status::failed, why}));
  }
  if (record.status == job_status::running)
    events.push_back(make_event(record, now, job_finished{job_status::failed}));
  return events;
}

} // namespace handoff
