// How a webhook becomes a job: what cannot be sent is refused, the rest is
// journaled before anything is sent or promised.

#include "actors/ask.hpp"
#include "actors/call_builder.hpp"
#include "actors/clone.hpp"
#include "actors/replies.hpp"
#include "job/crash_point.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <utility>

namespace handoff {

void clone_state::admit() {
  take_fresh_secrets();
  if (needs_prepare())
    next = clone_action::prepare;
  // What cannot be sent is the sender's mistake, and no job.
  auto built =
    next == clone_action::prepare ? build_prepare() : build_attempt();
  if (const auto missing = missing_value(*order->definition, **record);
      missing && std::holds_alternative<outbound_call>(built))
    built = error{error_kind::invalid_request, *missing};
  if (const auto* failed = std::get_if<error>(&built)) {
    const auto why =
      masked(*order->definition, {error_kind::invalid_request, failed->detail});
    env->turn_away(*order, why);
    answer(problem_reply(why));
    self->quit();
    return;
  }
  auto admission = order->released;
  admission.reserve(admission.size() + 2);
  admission.push_back(make_event(
    **record, env->now(),
    job_accepted{**record,
                 {order->definition, &order->definition->definition}}));
  // With its turn at once, one commit serves the job and its first attempt.
  auto turn = take_turn();
  if (turn && next == clone_action::attempt) {
    under_way = new_attempt();
    admission.push_back(
      make_event(**record, env->now(), clone_attempt_begun{under_way}));
    record->take(admission.back());
  }
  const auto batch =
    std::make_shared<const std::vector<job_event>>(std::move(admission));
  // The sender was refused in the meantime, and may send it again.
  const auto cancel_late = [this] {
    const error late{error_kind::overloaded,
                     "it was journaled only after the deadline"};
    if ((*record)->claim)
      record->change(key_released{(*record)->claim->key});
    settle(is_under_way((*record)->clone.attempts)
             ? std::optional{cut_short(late)}
             : std::nullopt,
           job_status::cancelled, late);
  };
  const auto refuse = [this](const std::string& why) {
    ended = true;
    answer(problem_reply({error_kind::journal_unavailable, why}));
    self->quit();
  };
  // Nothing is acknowledged yet, so that a journal that fails is not waited
  // for: the sender is told, and may come again.
  admitting = true;
  crash_point("before-admission");
  ask(self, *env, env->journal, request_grace, events_ptr{batch})
    .then(
      [this, refuse, cancel_late, turn,
       call = std::get<outbound_call>(std::move(built))](
        const commit_done& done) mutable {
        crash_point("after-admission");
        admitting = false;
        // Of the job that the key is taken from, another owner may have become
        // the owner meanwhile.
        const bool is_too_late =
          done.status == commit_status::rejected && !order->released.empty();
        if ((done.status == commit_status::key_held || is_too_late)
            && give_back())
          return;
        if (done.status == commit_status::unknown) {
          answer(problem_reply(
            {error_kind::journal_unavailable, done.failure->detail}));
          cancel_late();
          return;
        }
        if (done.failure) {
          // The store's own words are in the log, for operators.
          refuse("the webhook could not be journaled; send it again later");
          return;
        }
        watch_outcome();
        if (self->clock().now() >= order->journal_by) {
          cancel_late();
          return;
        }
        admitted();
        if (turn)
          send(std::move(call), std::move(turn),
               next == clone_action::prepare ? &clone_state::prepare_ended
                                             : &clone_state::attempt_ended);
        else if (early_turn)
          turn_granted(std::exchange(early_turn, nullptr));
        else if (draining)
          drain();
      },
      [this, cancel_late](const caf::error&) {
        admitting = false;
        answer(problem_reply({error_kind::journal_unavailable,
                              "the journal did not answer in time"}));
        // It may be journaled yet. What follows it there says that nobody
        // works on it; where it was not journaled, that changes nothing.
        cancel_late();
      });
}

bool clone_state::give_back() {
  const auto intake = caf::actor_cast<intake_actor>(order->intake);
  if (!intake)
    return false;
  ended = true;
  order->place->leave();
  // The root supervisor must first see that this actor has ended.
  constexpr std::chrono::milliseconds pause{20};
  auto again = std::make_shared<clone_order>(*order);
  // Whether the key is to be taken from a job is decided anew.
  again->released.clear();
  self->delayed_send(intake, pause, again_atom::value,
                     clone_order_ptr{std::move(again)});
  self->quit();
  return true;
}

void clone_state::admitted() {
  if (order->responder)
    order->responder->answer_by(order->answer_by, accepted_reply());
  if (order->respond_async) {
    crash_point("before-accepted-reply");
    answer(accepted_reply());
    crash_point("after-accepted-reply");
  }
}

} // namespace handoff
