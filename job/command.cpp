#include "job/command.hpp"

#include "job/claim.hpp"
#include "job/clone_plan.hpp"
#include "job/verdict.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using events = std::vector<job_event>;
using status = sub_action_status;

error conflict(std::string detail) {
  return {error_kind::conflict, std::move(detail)};
}

std::string in_quotes(std::string_view name) {
  return '"' + std::string{name} + '"';
}

constexpr step_kind all_kinds[] = {
  step_kind::sub_action, step_kind::compensation, step_kind::callback};

/// A step that may be attempted again: it ended without success. One with
/// elements follows these.
bool can_try_again(const step_record& step) {
  return is_final(step.status) && !is_satisfied(step) && !step.elements;
}

struct decider {
  const job& record;
  const result<command_flow>& flow;
  wall_time now;

  job_event event(job_change change) const {
    return make_event(record, now, std::move(change));
  }

  // -- retry ----------------------------------------------------------------

  result<events> operator()(const retry_command& command) const {
    if (const auto* gone = std::get_if<error>(&flow))
      return conflict(gone->detail);
    const auto& current = std::get<command_flow>(flow).change;
    if (!command.current_definition || !current
        || current->version == record.flow_version)
      return retry(command);
    if (!is_final(record.status))
      return conflict("the job is " + std::string{name(record.status)}
                      + ": its definition can change once it is over");
    // Their numbers would mean other elements: some would be made twice, and
    // others never.
    for (const auto& each : std::get<command_flow>(flow).regrouped)
      if (std::any_of(record.sub_actions.begin(), record.sub_actions.end(),
                      [&](const auto& step) { return step.of == each; }))
        return conflict("the current definition makes other elements of the "
                        "sub-action "
                        + in_quotes(each)
                        + ", some of which have been made: retry the job by "
                          "the definition that it has");
    events made{event(*current)};
    auto changed = record;
    apply(changed, made.front());
    const decider next{changed, flow, now};
    // What failed is gone, or something is new: that is what was wanted.
    const bool is_taken_up = changed.status == job_status::running
                          && next.again(step_kind::sub_action).empty();
    if (is_taken_up && !command.sub_action)
      return made;
    auto rest = next.retry(command);
    if (const auto* failed = std::get_if<error>(&rest))
      return *failed;
    auto& further = std::get<events>(rest);
    made.insert(made.end(), std::make_move_iterator(further.begin()),
                std::make_move_iterator(further.end()));
    return made;
  }

  result<events> retry(const retry_command& command) const {
    switch (record.status) {
    case job_status::ambiguous:
      return conflict("the clone is ambiguous: resolve it first");
    case job_status::cloning:
      return conflict("the job is cloning: there is nothing to retry yet");
    case job_status::succeeded:
      return retry_callbacks(command.sub_action,
                             "the job has not failed; it is succeeded");
    default:
      break;
    }
    if (!record.compensations.empty())
      return retry_compensations(command.sub_action);
    if (!record.clone.uid.is_null())
      return retry_sub_actions(command.sub_action);
    if (command.sub_action)
      return conflict("the clone failed: there are no sub-actions yet");
    if (record.claim && is_released(*record.claim))
      return conflict("its webhook came again with the same idempotency key, "
                      "and became another job: retry that one");
    // A clone that was cancelled may have been sent, and nobody settled it.
    if (record.status != job_status::failed)
      return conflict(
        record.clone.accepted
          ? "the job was cancelled while its upstream worked on the clone, "
            "which may exist: look there before its webhook is sent again"
        : may_have_happened(record)
          ? "the job was cancelled while nobody knew whether its clone exists: "
            "look there before its webhook is sent again"
          : "the job was cancelled before it had its UID: send its webhook "
            "again");
    return events{event(clone_reopened{})};
  }

  /// Whether it is an element of what another definition was made into: it is
  /// found again with the others.
  bool is_left_over(const step_record& step) const {
    const auto& subs = record.sub_actions;
    return !step.of.empty()
        && std::none_of(subs.begin(), subs.end(), [&](const auto& each) {
             return each.name == step.of && each.elements;
           });
  }

  job_event try_again(step_kind kind, std::size_t index) const {
    return event(step_settled{{kind, index}, status::waiting, std::nullopt});
  }

  /// Has the steps of `kind` that ended without success made again.
  events again(step_kind kind) const {
    events made;
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      if (can_try_again(steps[at]) && !is_left_over(steps[at]))
        made.push_back(try_again(kind, at));
    return made;
  }

  /// What is left when nothing else can be tried again.
  result<events> retry_callbacks(const std::optional<std::string>& sub_action,
                                 std::string otherwise) const {
    auto made = again(step_kind::callback);
    if (sub_action || made.empty())
      return conflict(std::move(otherwise));
    return made;
  }

  /// What was undone is not done again, but undoing it may be tried again.
  result<events>
  retry_compensations(const std::optional<std::string>& sub_action) const {
    auto made = again(step_kind::compensation);
    if (sub_action || made.empty())
      return retry_callbacks(
        sub_action, is_final(record.status)
                      ? "the job was compensated: what it had done is undone; "
                        "send its webhook again"
                      : "the job is being compensated, and nothing of that has "
                        "failed");
    return made;
  }

  result<events>
  retry_sub_actions(const std::optional<std::string>& only) const {
    if (only)
      return retry_sub_action(*only);
    auto made = again(step_kind::sub_action);
    if (made.empty())
      return retry_callbacks(
        only, record.status == job_status::running
                ? "the job is running, and no sub-action has failed"
                : "no sub-action has failed");
    return made;
  }

  /// One sub-action, with what was skipped because of it.
  result<events> retry_sub_action(const std::string& wanted) const {
    const auto& subs = record.sub_actions;
    const auto found =
      std::find_if(subs.begin(), subs.end(),
                   [&](const auto& each) { return each.name == wanted; });
    if (found == subs.end())
      return error{error_kind::invalid_request,
                   "the job has no sub-action " + in_quotes(wanted)};
    if (can_try_again(*found) && is_left_over(*found))
      return retry_sub_action(found->of);
    if (found->elements && is_final(found->status) && !is_satisfied(*found))
      return retry_elements(static_cast<std::size_t>(found - subs.begin()));
    if (!can_try_again(*found))
      return conflict("the sub-action " + in_quotes(wanted)
                      + " has not failed; it is "
                      + std::string{name(found->status)});
    const auto index = static_cast<std::size_t>(found - subs.begin());
    if (const auto why = blocked(index))
      return *why;
    events made{try_again(step_kind::sub_action, index)};
    for (std::size_t at = 0; at < subs.size(); ++at)
      if (at != index && subs[at].status == status::skipped
          && can_try_again(subs[at]) && !is_left_over(subs[at]))
        made.push_back(try_again(step_kind::sub_action, at));
    return made;
  }

  /// The elements of a sub-action that ended without success, with what was
  /// skipped because of them.
  result<events> retry_elements(std::size_t group) const {
    if (const auto why = blocked(group))
      return *why;
    const auto& subs = record.sub_actions;
    events made;
    for (std::size_t at = 0; at < subs.size(); ++at)
      if (can_try_again(subs[at])
          && (subs[at].of == subs[group].name
              || subs[at].status == status::skipped))
        made.push_back(try_again(step_kind::sub_action, at));
    return made;
  }

  /// Why another try of this sub-action alone would come to nothing.
  std::optional<error> blocked(std::size_t index) const {
    const auto& own = std::get<command_flow>(flow);
    const auto& subs = record.sub_actions;
    const auto refuse = [&](std::size_t other, const char* why) {
      return conflict("the sub-action " + in_quotes(subs[index].name) + why
                      + in_quotes(subs[other].name) + ", which is "
                      + std::string{name(subs[other].status)}
                      + ": retry that one, or the whole job");
    };
    if (index < own.rules.size())
      for (const auto other : own.rules[index].after)
        if (is_final(subs[other].status) && !is_satisfied(subs[other]))
          return refuse(other, " comes after ");
    // What was attempted goes on, whatever failed beside it.
    if (subs[index].attempts.empty())
      for (std::size_t other = 0; other < own.rules.size(); ++other)
        if (subs[other].status == status::failed && other != index
            && subs[other].name != subs[index].of
            && own.rules[other].on_failure != on_failure::proceed)
          return refuse(other, " was stopped by ");
    return std::nullopt;
  }

  // -- cancel ---------------------------------------------------------------

  result<events> operator()(const cancel_command&) const {
    switch (next_of(record)) {
    case job_work::clone:
      if (is_under_way(record.clone.attempts))
        return cancel_later();
      return events{settled_as_cancelled()};
    case job_work::person:
      return events{settled_as_cancelled()};
    case job_work::steps:
      return cancel_steps();
    case job_work::nothing:
      break;
    }
    return conflict("the job is " + std::string{name(record.status)}
                    + " already");
  }

  job_event settled_as_cancelled() const {
    return event(clone_settled{
      std::nullopt, job_status::cancelled,
      error{error_kind::cancelled, "somebody cancelled the job"}});
  }

  /// What is under way cannot be taken back, and ends as it ends.
  result<events> cancel_later() const {
    if (record.cancel_requested)
      return events{};
    return events{event(cancel_requested{})};
  }

  result<events> cancel_steps() const {
    events made;
    if (!is_final(record.status) && !record.cancel_requested)
      made.push_back(event(cancel_requested{}));
    for (const auto kind : all_kinds) {
      const auto& steps = steps_of(record, kind);
      for (std::size_t at = 0; at < steps.size(); ++at)
        if (!is_final(steps[at].status) && steps[at].status != status::running)
          made.push_back(
            event(step_settled{{kind, at}, status::cancelled, std::nullopt}));
    }
    if (made.empty() && is_final(record.status))
      return conflict("the job is " + std::string{name(record.status)}
                      + " already, and its callback is under way");
    return made;
  }

  // -- resolve --------------------------------------------------------------

  result<events> poll_again() const {
    const auto limit = std::get<command_flow>(flow).poll_limit;
    if (!record.clone.accepted || !limit)
      return conflict("the clone was never accepted by its upstream: there is "
                      "nothing to poll");
    return events{event(polling_resumed{now + *limit})};
  }

  result<events> operator()(const resolve_command& command) const {
    if (record.status != job_status::ambiguous)
      return conflict("only an ambiguous clone can be resolved; the job is "
                      + std::string{name(record.status)});
    if (const auto* gone = std::get_if<error>(&flow))
      return conflict(gone->detail);
    if (command.poll)
      return poll_again();
    if (command.uid.is_null())
      return events{event(clone_reopened{})};
    if (!is_uid(command.uid))
      return error{error_kind::invalid_request,
                   "\"uid\" has to be an integer or a string of 1 to 512 "
                   "bytes"};
    const auto& known = std::get<command_flow>(flow);
    if (command.answer.is_null() && !known.needs_answer.empty())
      return error{error_kind::invalid_request,
                   "\"answer\" is missing: the flow uses " + known.needs_answer
                     + ", which is taken from it"};
    return events{event(clone_succeeded{std::nullopt, command.uid,
                                        command.answer, known.sub_actions})};
  }
};

} // namespace

result<std::vector<job_event>> decide(const job& record,
                                      const job_command& command,
                                      const result<command_flow>& flow,
                                      wall_time now) {
  return std::visit(decider{record, flow, now}, command);
}

std::string_view status_after_command(const job& record) {
  return record.cancel_requested && !is_final(record.status)
         ? "cancelling"
         : name(record.status);
}

std::vector<job_event> give_up(const job& record, const error& why,
                               wall_time now) {
  std::vector<job_event> made;
  if (record.status == job_status::cloning) {
    const auto settled = record.clone.attempts.empty() ? job_status::failed
                                                       : job_status::ambiguous;
    made.push_back(
      make_event(record, now, clone_settled{std::nullopt, settled, why}));
    return made;
  }
  for (const auto kind : all_kinds) {
    const auto& steps = steps_of(record, kind);
    for (std::size_t at = 0; at < steps.size(); ++at)
      if (!is_final(steps[at].status))
        made.push_back(make_event(
          record, now, step_settled{{kind, at}, status::failed, why}));
  }
  if (record.status == job_status::running)
    made.push_back(make_event(record, now, job_finished{job_status::failed}));
  return made;
}

} // namespace handoff
