#include "actors/intake.hpp"

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "actors/replies.hpp"
#include "job/clone_plan.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

/// How soon to look again for jobs that are cloned elsewhere.
constexpr std::chrono::milliseconds look_again{100};

/// Whether the sender of the order means the webhook with this fingerprint by
/// its key.
bool is_same_body(const clone_order& order, const std::string& fingerprint) {
  return order.definition->any_body
      || fingerprint == order.record.claim->fingerprint;
}

/// Whether there is certainly no clone. One that may have happened leaves a job
/// ambiguous, or failed where the flow called it safe to repeat: with the key
/// of this job, not with that of another.
bool has_failed_for_good(const clone_order& order, const job& record) {
  return record.status == job_status::failed && record.clone.uid.is_null()
      && record.clone.failure.has_value()
      && (order.definition->clone.probe || !may_have_happened(record));
}

error key_reused() {
  return {error_kind::idempotency_key_reused,
          "this idempotency key came with another body before"};
}

joined_responder::preference preference_of(const clone_order& order) {
  return {order.respond_async, order.preference_applied};
}

} // namespace

void intake_state::take(const clone_order_ptr& order) {
  const auto& record = order->record;
  if (!record.claim) {
    begin(order);
    return;
  }
  forget_released();
  auto& held = holders[{record.flow, record.claim->key}];
  // A job that has failed may be kept in memory for some time after that.
  if (auto senders = held.senders.lock(); senders && senders->is_open()) {
    no_job(*order);
    if (is_same_body(*order, held.fingerprint))
      senders->join(order->responder, self->clock().now(), order->answer_by,
                    preference_of(*order));
    else
      refuse_key(*order, held.job);
    return;
  }
  auto senders = std::make_shared<joined_responder>(
    order->responder, order->answer_by, preference_of(*order));
  held = {record.id, record.claim->fingerprint, senders};
  auto joined = std::make_shared<clone_order>(*order);
  joined->intake = self->address();
  joined->responder = std::move(senders);
  look_up(joined);
}

void intake_state::begin(const clone_order_ptr& order) {
  const auto& upstream = order->definition->clone.request.upstream;
  const auto line = env->traffic->at(upstream);
  const auto ahead = order->place->enter(line);
  if (order->respond_async) {
    self->send(root, order);
    return;
  }
  const auto room = env->room ? env->room(upstream) : clone_room{};
  const auto turn = foreseen_turn(room, ahead, line->latency().mean());
  // Not by `answer_by`: who asks for an early answer is content with a 202.
  const auto budget = std::chrono::duration_cast<std::chrono::microseconds>(
    order->journal_by - self->clock().now());
  const auto own =
    env->traffic->of(order->record.flow, "clone", upstream)->latency();
  const auto later = refused_for(budget, turn, own);
  if (!later) {
    self->send(root, order);
    return;
  }
  order->place->leave();
  no_job(*order);
  const error why{error_kind::overloaded,
                  "its clone would not get its turn in time"};
  env->turn_away(*order, why);
  order->responder->answer(overloaded_reply(why.detail, *later));
}

void intake_state::look_up(const clone_order_ptr& order, bool joined) {
  const auto& record = order->record;
  const auto failed = [](const char* why) {
    return key_found{error{error_kind::journal_unavailable, why}, std::nullopt,
                     nullptr, std::nullopt};
  };
  auto& waiting = env->admission->lookups;
  if (waiting.fetch_add(1) >= lookups_max) {
    waiting.fetch_sub(1);
    key_looked_up(order, failed("too many wait for the journal"), joined);
    return;
  }
  ask(self, *env, env->finder, request_grace, find_atom::value, record.flow,
      record.claim->key)
    .then(
      [this, order, joined](const key_found& found) {
        env->fault_point(name);
        key_looked_up(order, found, joined);
      },
      [this, order, joined, failed](const caf::error&) {
        key_looked_up(order, failed("the journal did not answer in time"),
                      joined);
      });
}

void intake_state::key_looked_up(const clone_order_ptr& order,
                                 const key_found& found, bool joined) {
  if (!found.failure && !found.claim) {
    begin(order);
    return;
  }
  const bool is_same =
    found.claim && is_same_body(*order, found.claim->fingerprint);
  if (!found.failure && is_same && found.record
      && order->definition->again_after_failure
      && has_failed_for_good(*order, *found.record)) {
    take_over(order, *found.record);
    return;
  }
  if (!found.failure && is_same && found.record
      && found.record->status == job_status::cloning && !found.record->reply) {
    order->responder->answer_by(
      order->answer_by, accepted_reply(*order->definition, *found.record, {}));
    if (self->clock().now() >= order->answer_by || order->respond_async) {
      no_job(*order);
      return;
    }
    if (elsewhere.empty())
      self->delayed_send(self, look_again, next_atom::value);
    elsewhere.emplace(found.record->id, order);
    return;
  }
  no_job(*order);
  if (found.failure)
    // The store's own words are for operators.
    order->responder->answer(
      problem_reply({error_kind::journal_unavailable,
                     "the journal cannot be read now; send it again later"}));
  else if (!is_same || !found.record)
    refuse_key(*order, found.record ? found.record->id : std::string{});
  else if (joined)
    // As who joins a job of this process.
    order->responder->answer(
      found.record->clone.uid.is_null()
        ? settled_reply(*definition_of(*order, found), *found.record,
                        order->preference_applied)
        : cloned_reply(*definition_of(*order, found), *found.record,
                       order->preference_applied));
  else
    order->responder->answer(
      replayed_reply(*definition_of(*order, found), *found.record));
}

void intake_state::look_elsewhere() {
  // Who has been answered by its deadline waits no more.
  const auto now = self->clock().now();
  std::vector<std::string> jobs;
  for (auto each = elsewhere.begin(); each != elsewhere.end();) {
    if (now >= each->second->answer_by) {
      no_job(*each->second);
      each = elsewhere.erase(each);
      continue;
    }
    if (jobs.empty() || jobs.back() != each->first)
      jobs.push_back(each->first);
    ++each;
  }
  if (jobs.empty())
    return;
  ask(self, *env, env->finder, request_grace, find_atom::value, std::move(jobs))
    .then(
      [this](const std::vector<std::string>& past) {
        found_elsewhere(past);
        if (!elsewhere.empty())
          self->delayed_send(self, look_again, next_atom::value);
      },
      [this](const caf::error&) {
        // They have their answers at their deadlines.
        for (const auto& [job, order] : std::exchange(elsewhere, {}))
          no_job(*order);
      });
}

void intake_state::found_elsewhere(const std::vector<std::string>& past) {
  for (const auto& job : past) {
    const auto [first, last] = elsewhere.equal_range(job);
    std::vector<clone_order_ptr> orders;
    for (auto each = first; each != last; ++each)
      orders.push_back(each->second);
    elsewhere.erase(first, last);
    for (const auto& each : orders)
      look_up(each, true);
  }
}

void intake_state::take_over(const clone_order_ptr& order, const job& failed) {
  // In one commit with the new job: a crash leaves the key with one of them.
  auto released = std::make_shared<clone_order>(*order);
  released->released = {
    make_event(failed, env->now(), key_released{order->record.claim->key})};
  begin(released);
}

flow_ptr intake_state::definition_of(const clone_order& order,
                                     const key_found& found) const {
  // The answer is given again as it was, whatever became of its flow since.
  if (found.record->flow_version == order.definition->version
      || !found.definition || !env->compile)
    return order.definition;
  auto compiled = env->compile(*found.definition);
  auto* const own = std::get_if<flow_ptr>(&compiled);
  return own != nullptr ? *own : order.definition;
}

void intake_state::refuse_key(const clone_order& order,
                              const std::string& by) const {
  env->turn_away(order, key_reused());
  order.responder->answer(problem_reply(key_reused(), by));
}

void intake_state::no_job(const clone_order& order) {
  for (const auto& each : {order.job_place, order.bytes_place})
    if (each)
      each->leave();
}

void intake_state::forget_released() {
  if (holders.size() < holders_swept_at)
    return;
  std::erase_if(holders,
                [](const auto& each) { return each.second.senders.expired(); });
  // Twice what is left, so that sweeping costs a constant share of the work.
  holders_swept_at = std::max<std::size_t>(1'024, 2 * holders.size());
}

intake_actor::behavior_type intake(intake_state::self_pointer self,
                                   environment_ptr env,
                                   root_supervisor_actor root) {
  self->state.env = std::move(env);
  self->state.root = std::move(root);
  const auto state = [self]() -> intake_state& {
    self->state.env->fault_point(intake_state::name);
    return self->state;
  };
  return {
    [state](const clone_order_ptr& order) { state().take(order); },
    [state](again_atom, const clone_order_ptr& order) {
      state().look_up(order);
    },
    [state](next_atom) { state().look_elsewhere(); },
  };
}

} // namespace handoff
