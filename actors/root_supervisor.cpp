#include "actors/root_supervisor.hpp"

#include "actors/ask.hpp"
#include "actors/clone.hpp"
#include "actors/job_supervisor.hpp"
#include "actors/replies.hpp"
#include "job/crash_point.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

/// Job supervisors started in one turn of the root's: each takes more of the
/// processors than the end of a clone does.
constexpr std::size_t starts_in_turn_max = 16;

error died_too_often() {
  return {error_kind::quarantined,
          "its actor died more often than max-restarts allows"};
}

} // namespace

root_supervisor_state::~root_supervisor_state() {
  // By messages alone: their own states end on their own turns.
  for (const auto& [job, entry] : children)
    caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
}

root_supervisor_state::child&
root_supervisor_state::entry_of(const std::string& job) {
  return children.try_emplace(job).first->second;
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
  const auto job = order->record.id;
  auto& entry = entry_of(job);
  entry.definition = order->definition;
  entry.order = order;
  if (order->job_place)
    entry.job_place = order->job_place;
  if (order->bytes_place)
    entry.bytes_place = order->bytes_place;
  adopt(job,
        self->spawn(
          clone, clone_options{env, std::move(order), self,
                               std::exchange(entry.recovery_place, nullptr)}));
  deliver_orders(job);
}

void root_supervisor_state::released(const released_job_ptr& job) {
  auto& entry = entry_of(job->record.id);
  // What becomes of the actor that had it says nothing any more.
  entry.actor = nullptr;
  entry.order = nullptr;
  entry.definition = job->definition;
  cloned_jobs.push_back(job);
  start_jobs();
}

void root_supervisor_state::start_jobs() {
  if (draining) {
    hand_back_jobs();
    return;
  }
  while (!cloned_jobs.empty() && started_in_turn < starts_in_turn_max) {
    if (started_in_turn++ == 0)
      self->send(self, next_atom::value);
    const auto next = std::move(cloned_jobs.front());
    cloned_jobs.pop_front();
    go_on(next->record.id, next->record);
  }
}

void root_supervisor_state::hand_back_jobs() {
  for (const auto& each : std::exchange(cloned_jobs, {}))
    hand_back(each->record);
}

void root_supervisor_state::hand_back(const handoff::job& record) {
  caf::anon_send(env->journal, std::make_shared<const std::vector<job_event>>(
                                 std::vector<job_event>{make_event(
                                   record, env->now(), job_handed_back{})}));
  job_ended(record.id);
}

void root_supervisor_state::next_turn() {
  started_in_turn = 0;
  start_jobs();
}

void root_supervisor_state::go_on(const std::string& job, handoff::job record) {
  auto& entry = children.at(job);
  // Its steps are found by their place, so that another one would have other
  // calls made than it is told of.
  for (const auto& each : entry.changed)
    if (each->version == record.flow_version)
      entry.definition = each;
  const auto work = next_of(record);
  const bool is_over = work == job_work::nothing || work == job_work::person;
  // A job that has more to do is let go of, and its next owner reads the
  // definition.
  if (entry.definition && entry.definition->version != record.flow_version
      && !entry.orders.empty() && (is_over || env->courier)) {
    // It was read before another command changed it.
    for (const auto& each : std::exchange(entry.orders, {}))
      each->responder->answer(
        overloaded_reply("the flow of the job has just been changed by another "
                         "command: nothing was done",
                         std::chrono::seconds{1}));
    job_ended(job);
    return;
  }
  const bool is_clone = work == job_work::clone && entry.definition;
  if (draining && (is_clone || entry.orders.empty())) {
    refuse_orders(entry,
                  {error_kind::draining, "the service is shutting down"});
    hand_back(record);
    return;
  }
  if (is_clone) {
    resume_clone(job, std::move(record));
    return;
  }
  answer_sender(entry, record);
  // Whoever orders something of a job that nobody works on has it worked on.
  if (work == job_work::steps || !entry.orders.empty())
    start_supervisor(job, std::move(record));
  else {
    entry.is_claimed = true; // it may be left of a node that died
    job_ended(job);
  }
}

void root_supervisor_state::resume_clone(const std::string& job,
                                         handoff::job record) {
  auto& entry = children.at(job);
  auto order = entry.order ? *entry.order : clone_order{};
  order.definition = entry.definition;
  order.record = std::move(record);
  order.fresh = false;
  start_clone(std::make_shared<const clone_order>(std::move(order)));
}

void root_supervisor_state::start_supervisor(const std::string& job,
                                             handoff::job record) {
  auto& entry = children.at(job);
  entry.order = nullptr;
  adopt(job,
        self->spawn(job_supervisor,
                    job_supervisor_options{
                      env, entry.definition, std::move(record), self,
                      std::exchange(entry.orders, {}),
                      std::exchange(entry.recovery_place, nullptr), draining}));
}

void root_supervisor_state::answer_sender(child& entry,
                                          const handoff::job& record) {
  const auto order = std::exchange(entry.order, nullptr);
  if (!order || !order->responder)
    return;
  order->responder->answer(
    record.clone.uid.is_null()
      ? settled_reply(*order->definition, record, order->preference_applied)
      : cloned_reply(*order->definition, record, order->preference_applied));
}

void root_supervisor_state::child_down(const caf::down_msg& down) {
  env->fault_point(name);
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
  if (entry.order)
    env->supervision->clone_restarted();
  else
    env->supervision->job_supervisor_restarted();
  if (!entry.deaths)
    entry.deaths.emplace(env->restarts);
  if (entry.deaths->record(self->clock().now()))
    self->delayed_send(self, entry.deaths->delay(), again_atom::value, job);
  else
    look_up(job, [this](const std::string& id, const job_found& last) {
      give_up(id, last);
    });
}

void root_supervisor_state::look_up(const std::string& job, looked_up then) {
  ask(self, *env, env->journal, request_grace, find_atom::value, job)
    .then(
      [this, job, then](const job_found& found) {
        env->fault_point(name);
        then(job, found);
      },
      [job, then](const caf::error&) {
        then(job, job_found{error{error_kind::journal_unavailable,
                                  "the journal did not answer in time"},
                            nullptr});
      });
}

void root_supervisor_state::restart_due(const std::string& job) {
  const auto found_again = [this](const std::string& id,
                                  const job_found& found) {
    job_found_again(id, found);
  };
  if (!env->courier) {
    look_up(job, found_again);
    return;
  }
  // It may have become another node's, or be nobody's: until it is this one's,
  // what is read of it may be old when an event of it is journaled.
  ask(self, *env, env->journal, request_grace, claim_atom::value, job)
    .then(
      [this, job, found_again](const job_claimed& claimed) {
        env->fault_point(name);
        if (claimed.other) {
          job_is_elsewhere(job, *claimed.other);
          return;
        }
        if (claimed.failure) {
          job_found_again(job, {claimed.failure, nullptr});
          return;
        }
        if (const auto known = children.find(job); known != children.end())
          known->second.is_claimed = true;
        look_up(job, found_again);
      },
      [this, job](const caf::error&) {
        job_found_again(job, {error{error_kind::journal_unavailable,
                                    "the journal did not answer in time"},
                              nullptr});
      });
}

void root_supervisor_state::job_is_elsewhere(const std::string& job,
                                             journal_owner owner) {
  const auto known = children.find(job);
  if (known == children.end() || known->second.actor != nullptr)
    return;
  for (const auto& each : std::exchange(known->second.orders, {}))
    self->send(env->courier, each, owner);
  job_ended(job);
}

void root_supervisor_state::job_found_again(const std::string& job,
                                            const job_found& found) {
  const auto known = children.find(job);
  if (known == children.end() || known->second.actor != nullptr)
    return;
  auto& entry = known->second;
  if (entry.recovery_place)
    crash_point("recovery-job");
  if (found.failure) {
    // Nothing was done for them yet, and they may be sent again.
    refuse_orders(entry, *found.failure);
    self->delayed_send(self, env->journal_pause, again_atom::value, job);
  } else if (found.record) {
    go_on(job, *found.record);
  } else if (entry.order) {
    // It died before anything was journaled: the order is all there is of it.
    start_clone(entry.order);
  } else {
    refuse_orders(entry,
                  {error_kind::unknown_job, "there is no job with this id"});
    job_ended(job);
  }
}

void root_supervisor_state::give_up(const std::string& job,
                                    const job_found& found) {
  const auto known = children.find(job);
  if (known == children.end())
    return;
  const auto order = known->second.order;
  const auto again = [this, job] {
    self->delayed_send(self, env->journal_pause, again_atom::value, job);
  };
  if (found.failure) {
    // Whether there is anything to give up is not known.
    again();
  } else if (found.record && is_unfinished(*found.record)) {
    auto events = std::make_shared<const std::vector<job_event>>(
      handoff::give_up(*found.record, died_too_often(), env->now()));
    ask(self, *env, env->journal, request_grace, events_ptr{events})
      .then(
        [this, job, again, record = found.record](const commit_done& done) {
          env->fault_point(name);
          if (done.failure) {
            again();
            return;
          }
          env->supervision->given_up(*record, died_too_often(), env->now());
          job_ended(job);
        },
        [again](const caf::error&) { again(); });
  } else {
    job_ended(job);
  }
  if (order && order->responder)
    order->responder->answer(problem_reply(died_too_often(), job));
}

void root_supervisor_state::recover(const recovered_job& recovered) {
  const auto [known, is_new] = children.try_emplace(recovered.job);
  auto& entry = known->second;
  if (!entry.definition)
    entry.definition = recovered.definition;
  if (!is_new)
    return; // an operator was faster; its places give themselves back
  entry.job_place = recovered.job_place;
  entry.bytes_place = recovered.bytes_place;
  entry.recovery_place = recovered.recovery_place;
  // What the recovery read may be old by now.
  look_up(recovered.job, [this](const std::string& id, const job_found& found) {
    job_found_again(id, found);
  });
}

void root_supervisor_state::job_ended(const std::string& job) {
  const auto known = children.find(job);
  if (known != children.end()) {
    auto& entry = known->second;
    if (!entry.orders.empty()) {
      // They came when it had just ended.
      restart_due(job);
      return;
    }
    // The messages that brought these places may live on.
    for (const auto& each :
         {entry.job_place, entry.bytes_place, entry.recovery_place})
      if (each)
        each->leave();
    if (entry.is_claimed && env->courier)
      self->send(env->journal, release_atom::value,
                 std::vector<std::string>{job}, false);
    children.erase(known);
  }
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
  hand_back_jobs();
  if (children.empty())
    promise.deliver(drained_atom::value);
  else
    drained.push_back(promise);
  return promise;
}

void root_supervisor_state::watch_deadlines() {
  // Weakly: its own environment must not keep it.
  env->deadlines->on_first([root = self->address()] {
    if (const auto strong = caf::actor_cast<caf::strong_actor_ptr>(root))
      caf::anon_send(caf::actor_cast<root_supervisor_actor>(strong),
                     turn_atom::value);
  });
}

void root_supervisor_state::turn() {
  if (env->deadlines->expire(self->clock().now()))
    self->delayed_send(self, request_deadlines::turn, turn_atom::value);
}

supervision_report root_supervisor_state::report() const {
  const auto clones = static_cast<std::size_t>(
    std::count_if(children.begin(), children.end(),
                  [](const auto& each) { return each.second.order; }));
  return {clones, children.size() - clones};
}

root_supervisor_actor::behavior_type
root_supervisor(root_supervisor_state::self_pointer self, environment_ptr env) {
  self->state.env = std::move(env);
  self->state.watch_deadlines();
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.child_down(down); });
  // At each message, as `environment::fault` promises.
  const auto state = [self]() -> root_supervisor_state& {
    self->state.env->fault_point(root_supervisor_state::name);
    return self->state;
  };
  return {
    [state](const clone_order_ptr& order) { state().start_clone(order); },
    [state](const released_job_ptr& job) { state().released(job); },
    [state](const recovered_job_ptr& job) { state().recover(*job); },
    [state](const job_order_ptr& order) { state().obey(order); },
    [state](again_atom, const std::string& job) { state().restart_due(job); },
    [state](drain_atom) { return state().drain(); },
    [state](report_atom) { return state().report(); },
    [self](turn_atom) { self->state.turn(); },
    [self](next_atom) { self->state.next_turn(); },
  };
}

} // namespace handoff
