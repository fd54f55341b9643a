// What the root supervisor does for operators: it brings their orders to the
// one actor that works on the job, and starts one where there is none.

#include "actors/ask.hpp"
#include "actors/replies.hpp"
#include "actors/root_supervisor.hpp"

#include <caf/sec.hpp>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

/// Orders that wait for the actor of one job.
constexpr std::size_t orders_max = 100;

} // namespace

void root_supervisor_state::obey(const job_order_ptr& order) {
  const auto [known, is_new] = children.try_emplace(order->job);
  auto& entry = known->second;
  if (entry.orders.size() >= orders_max) {
    order->responder->answer(overloaded_reply(
      "too many commands wait for this job", std::chrono::seconds{1}));
    return;
  }
  order->responder->answer_by(self->clock().now() + request_grace,
                              unknown_command_reply(order->job));
  entry.orders.push_back(order);
  if (order->current
      && std::find(entry.changed.begin(), entry.changed.end(), order->current)
           == entry.changed.end())
    entry.changed.push_back(order->current);
  if (is_new) {
    if (const auto* own = std::get_if<flow_ptr>(&order->definition))
      entry.definition = *own;
    entry.job_place = std::make_shared<place>(env->admission->jobs.take_over());
    if (env->courier)
      restart_due(order->job);
    else
      acquire(order->job);
  } else if (entry.actor != nullptr) {
    deliver_orders(order->job);
  }
}

void root_supervisor_state::acquire(const std::string& job) {
  // The recovery may not have come to it: until it is this owner's, nothing
  // can be journaled of it, and so nothing must begin.
  ask(self, *env, env->journal, request_grace, acquire_atom::value,
      acquisition{1, job})
    .then(
      [this, job](const jobs_acquired&) {
        env->fault_point(name);
        restart_due(job);
      },
      [this, job](const caf::error&) { restart_due(job); });
}

void root_supervisor_state::deliver_orders(const std::string& job) {
  auto& entry = children.at(job);
  for (auto& order : std::exchange(entry.orders, {}))
    // Clone actors and job supervisors alike take it.
    ask(self, *env, caf::actor_cast<clone_actor>(entry.actor), request_grace,
        order)
      .then([](taken_atom) {},
            [this, order, asked = entry.actor](const caf::error& why) {
              // Past the deadline nobody knows what became of it, and the
              // operator is told so.
              if (why != caf::sec::request_timeout)
                order_bounced(order, asked);
            });
}

void root_supervisor_state::order_bounced(const job_order_ptr& order,
                                          const caf::strong_actor_ptr& asked) {
  const auto known = children.find(order->job);
  if (known == children.end()) {
    obey(order);
    return;
  }
  // The actor had ended before it saw the order. Once that is heard of here,
  // the next one is started with it; where there is another already, it takes
  // it.
  auto& entry = known->second;
  entry.orders.push_back(order);
  if (entry.actor != nullptr && entry.actor != asked)
    deliver_orders(order->job);
}

void root_supervisor_state::refuse_orders(child& entry, const error& why) {
  for (const auto& each : std::exchange(entry.orders, {}))
    each->responder->answer(problem_reply(why, each->job));
}

} // namespace handoff
