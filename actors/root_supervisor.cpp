#include "actors/root_supervisor.hpp"

#include "actors/clone.hpp"
#include "actors/job_supervisor.hpp"
#include "actors/replies.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

/// What settles a job whose actor died too often.
std::vector<job_event> quarantine_events(const job& record, wall_time now) {
  const error why{error_kind::quarantined,
                  "its actor died more often than max-restarts allows"};
  std::vector<job_event> events;
  if (record.status == job_status::cloning) {
    // It may have been sent.
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

} // namespace

root_supervisor_state::~root_supervisor_state() {
  // By messages alone: their own states end on their own turns.
  for (const auto& [job, entry] : children)
    caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
}

template <class Handle>
void root_supervisor_state::adopt(const std::string& job, const Handle& actor) {
  self->monitor(actor);
  job_of.emplace(actor.address(), job);
  children.at(job).actor = caf::actor_cast<caf::strong_actor_ptr>(actor);
  if (draining)
    self->send(actor, drain_atom::value);
}

void root_supervisor_state::start_clone(clone_order_ptr order) {
  const auto& job = order->record.id;
  children.try_emplace(job, child{nullptr, order->definition, order,
                                  restart_intensity{env->restarts}});
  adopt(job, self->spawn(clone, clone_options{env, order, self}));
}

void root_supervisor_state::start_job(const cloned_job& cloned) {
  const auto& job = cloned.record.id;
  auto& entry = children
                  .try_emplace(job, child{nullptr, cloned.definition, nullptr,
                                          restart_intensity{env->restarts}})
                  .first->second;
  entry.order = nullptr;
  adopt(job,
        self->spawn(job_supervisor, job_supervisor_options{
                                      env, cloned.definition, cloned.record}));
}

void root_supervisor_state::child_down(const caf::down_msg& down) {
  const auto known = job_of.find(down.source);
  if (known == job_of.end())
    return;
  const auto job = std::move(known->second);
  job_of.erase(known);
  const auto found = children.find(job);
  if (found == children.end() || found->second.actor == nullptr
      || found->second.actor->address() != down.source)
    return; // a clone actor that has handed its job on
  auto& entry = found->second;
  entry.actor = nullptr;
  if (down.reason == caf::exit_reason::normal) {
    job_ended(job);
    return;
  }
  ++(entry.order ? clone_restarts : job_restarts);
  if (entry.deaths.record(self->clock().now()))
    self->delayed_send(self, entry.deaths.delay(), again_atom::value, job);
  else
    look_up(job, &root_supervisor_state::give_up);
}

void root_supervisor_state::look_up(
  const std::string& job,
  void (root_supervisor_state::*then)(const std::string&, const job_found&)) {
  self->request(env->journal, request_grace, find_atom::value, job)
    .then(
      [this, job, then](const job_found& found) { (this->*then)(job, found); },
      [this, job, then](const caf::error&) {
        (this->*then)(job,
                      job_found{error{error_kind::journal_unavailable,
                                      "the journal did not answer in time"},
                                nullptr});
      });
}

void root_supervisor_state::restart_due(const std::string& job) {
  look_up(job, &root_supervisor_state::restart);
}

void root_supervisor_state::restart(const std::string& job,
                                    const job_found& found) {
  const auto known = children.find(job);
  if (known == children.end())
    return;
  auto& entry = known->second;
  if (found.failure) {
    self->delayed_send(self, env->journal_pause, again_atom::value, job);
  } else if (!found.record) {
    // It died before anything was journaled: the order is all there is of it.
    start_clone(entry.order);
  } else if (found.record->status == job_status::cloning) {
    auto resumed = *entry.order;
    resumed.record = *found.record;
    resumed.fresh = false;
    entry.order = std::make_shared<const clone_order>(std::move(resumed));
    start_clone(entry.order);
  } else if (found.record->status == job_status::running) {
    if (entry.order && entry.order->responder)
      entry.order->responder->answer(cloned_reply(
        *entry.definition, *found.record, entry.order->preference_applied));
    start_job(cloned_job{entry.definition, *found.record});
  } else {
    if (entry.order && entry.order->responder)
      entry.order->responder->answer(problem_reply(
        found.record->clone.failure.value_or(error{}), found.record->id));
    job_ended(job);
  }
}

void root_supervisor_state::give_up(const std::string& job,
                                    const job_found& found) {
  const auto known = children.find(job);
  if (known == children.end())
    return;
  const auto order = known->second.order;
  if (found.record && !is_final(found.record->status)) {
    auto events = std::make_shared<const std::vector<job_event>>(
      quarantine_events(*found.record, env->now()));
    self->request(env->journal, request_grace, events_ptr{events})
      .then([this, job](const commit_done&) { job_ended(job); },
            [this, job](const caf::error&) { job_ended(job); });
  } else {
    job_ended(job);
  }
  if (order && order->responder)
    order->responder->answer(problem_reply(
      {error_kind::quarantined, "the actor of the clone died too often"}, job));
}

void root_supervisor_state::job_ended(const std::string& job) {
  if (children.erase(job) > 0)
    env->admission->jobs.fetch_sub(1);
  if (!children.empty())
    return;
  for (auto& each : drained)
    each.deliver(drained_atom::value);
  drained.clear();
}

caf::typed_response_promise<drained_atom> root_supervisor_state::drain() {
  draining = true;
  auto promise = self->make_response_promise<drained_atom>();
  for (const auto& [job, entry] : children)
    if (entry.actor != nullptr)
      // Clone actors and job supervisors alike take it.
      caf::anon_send(caf::actor_cast<clone_actor>(entry.actor),
                     drain_atom::value);
  if (children.empty())
    promise.deliver(drained_atom::value);
  else
    drained.push_back(promise);
  return promise;
}

supervision_report root_supervisor_state::report() const {
  const auto clones = static_cast<std::size_t>(
    std::count_if(children.begin(), children.end(),
                  [](const auto& each) { return each.second.order; }));
  return {clones, children.size() - clones, clone_restarts, job_restarts};
}

root_supervisor_actor::behavior_type
root_supervisor(root_supervisor_state::self_pointer self, environment_ptr env) {
  self->state.env = std::move(env);
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.child_down(down); });
  return {
    [self](const clone_order_ptr& order) { self->state.start_clone(order); },
    [self](const cloned_job_ptr& cloned) { self->state.start_job(*cloned); },
    [self](again_atom, const std::string& job) {
      self->state.restart_due(job);
    },
    [self](drain_atom) { return self->state.drain(); },
    [self](report_atom) { return self->state.report(); },
  };
}

} // namespace handoff
