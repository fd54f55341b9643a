// What the root supervisor does for operators: jobs retried, cancelled and
// resolved.

#include "actors/ask.hpp"
#include "actors/clone.hpp"
#include "actors/job_supervisor.hpp"
#include "actors/replies.hpp"
#include "actors/root_supervisor.hpp"
#include "job/command.hpp"

#include <caf/send.hpp>

#include <utility>

namespace handoff {
namespace {

std::vector<std::string> sub_action_names(const flow& definition) {
  std::vector<std::string> names;
  for (const auto& each : definition.sub_actions)
    names.push_back(each.name);
  return names;
}

} // namespace

void root_supervisor_state::obey(const job_order_ptr& order) {
  const auto [entry, is_idle] =
    children.try_emplace(order->job, child{nullptr, order->definition, nullptr,
                                           restart_intensity{env->restarts}});
  if (is_idle) {
    entry->second.commanded = true;
    env->admission->jobs.fetch_add(1);
    look_up(order->job,
            [this, order](const std::string&, const job_found& found) {
              command_found(order, found);
            });
    return;
  }
  obey_under_way(order, entry->second);
}

void root_supervisor_state::obey_under_way(const job_order_ptr& order,
                                           child& entry) {
  if (!std::holds_alternative<cancel_command>(order->command)) {
    if (entry.actor != nullptr && entry.order == nullptr)
      // It may be final but for its callbacks: its supervisor knows.
      caf::anon_send(caf::actor_cast<job_supervisor_actor>(entry.actor), order);
    else
      order->responder->answer(problem_reply(
        {error_kind::conflict, "the job is being worked on"}, order->job));
    return;
  }
  // Who begins to work on it later hears of it then.
  entry.cancelled = true;
  // Clone actors and job supervisors alike take it.
  if (entry.actor != nullptr)
    caf::anon_send(caf::actor_cast<clone_actor>(entry.actor),
                   cancel_atom::value);
  order->responder->answer(command_reply(order->job, "cancelling"));
}

void root_supervisor_state::command_found(const job_order_ptr& order,
                                          const job_found& found) {
  const auto refuse = [&](const error& why) {
    order->responder->answer(problem_reply(why, order->job));
    command_ended(order->job);
  };
  if (found.failure || !found.record) {
    refuse(found.failure.value_or(
      error{error_kind::unknown_job, "there is no job with this id"}));
    return;
  }
  if (is_unfinished(*found.record)) {
    // The recovery has not come to it yet, and will find it under way. It is
    // one job, which was counted at the start.
    auto& entry = children.at(order->job);
    entry.commanded = false;
    if (!entry.recovered)
      env->admission->jobs.fetch_sub(1);
    restart(order->job, found);
    obey_under_way(order, entry);
    return;
  }
  auto decided = decide(*found.record, order->command,
                        sub_action_names(*order->definition), env->now());
  if (const auto* failed = std::get_if<error>(&decided)) {
    refuse(*failed);
    return;
  }
  auto& decision = std::get<command_decision>(decided);
  auto record = *found.record;
  for (const auto& each : decision.events)
    apply(record, each);
  auto batch =
    std::make_shared<const std::vector<job_event>>(std::move(decision.events));
  ask(self, *env, env->journal, request_grace, events_ptr{batch})
    .then(
      [this, order, record, effect = decision.effect](const commit_done& done) {
        env->fault_point(name);
        if (done.failure) {
          order->responder->answer(problem_reply(*done.failure, order->job));
          command_ended(order->job);
        } else {
          command_saved(order, record, effect);
        }
      },
      [this, order](const caf::error&) {
        order->responder->answer(
          problem_reply({error_kind::journal_unavailable,
                         "the journal did not answer in time"},
                        order->job));
        command_ended(order->job);
      });
}

void root_supervisor_state::command_ended(const std::string& job) {
  auto& entry = children.at(job);
  entry.commanded = false;
  if (entry.recovered)
    restart_due(job);
  else
    job_ended(job);
}

void root_supervisor_state::command_saved(const job_order_ptr& order,
                                          job record, command_effect effect) {
  children.at(order->job).commanded = false;
  switch (effect) {
  case command_effect::none:
    order->responder->answer(
      command_reply(order->job, std::string{handoff::name(record.status)}));
    job_ended(order->job);
    return;
  case command_effect::clone:
    order->responder->answer(command_reply(order->job, "cloning"));
    resume_clone(order->job, std::move(record));
    return;
  case command_effect::steps:
    order->responder->answer(
      command_reply(order->job, std::string{handoff::name(record.status)}));
    start_job(cloned_job{order->definition, std::move(record)});
  }
}

} // namespace handoff
