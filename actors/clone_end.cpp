// How a clone actor ends: what its job has come to is journaled, then told to
// the sender, and the job is handed on.

#include "actors/clone.hpp"
#include "actors/replies.hpp"
#include "job/crash_point.hpp"
#include "job/follow_up.hpp"

#include <caf/send.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

void clone_state::finish(std::optional<attempt> made, nlohmann::json uid,
                         nlohmann::json kept) {
  std::vector<std::string> names;
  for (const auto& each : order->definition->sub_actions)
    names.push_back(each.name);
  record->change(clone_succeeded{std::move(made), std::move(uid),
                                 std::move(kept), std::move(names)});
  leave_recovery();
  record->flush([this] {
    ended = true;
    crash_point("before-reply");
    answer(cloned_reply());
    crash_point("after-reply");
    self->send(root, std::make_shared<const released_job>(
                       released_job{order->definition, record->release()}));
    self->quit();
  });
}

void clone_state::settle(std::optional<attempt> made, job_status status,
                         error failure) {
  failure = masked(*order->definition, std::move(failure));
  record->change(clone_settled{std::move(made), status, std::move(failure)});
  const auto& callback = order->definition->callback;
  if (status == job_status::failed && callback && callback->on_failed)
    record->change(callback_of(**record, "failed"));
  leave_recovery();
  record->flush([this] { conclude(); });
}

void clone_state::conclude() {
  if (std::exchange(ended, true))
    return;
  if (order->responder)
    order->responder->close_to_others();
  answer(
    settled_reply(*order->definition, **record, order->preference_applied));
  if (next_of(**record) != job_work::nothing)
    self->send(root, std::make_shared<const released_job>(
                       released_job{order->definition, record->release()}));
  self->quit();
}

void clone_state::drain() {
  draining = true;
  if (ended || admitting)
    return;
  if (ticket && sender_waits()) {
    self->delayed_send(self, order->answer_by - self->clock().now(),
                       drain_atom::value);
    return;
  }
  // Between two attempts all that matters is in the journal.
  if (pausing || ticket)
    hand_back();
}

void clone_state::hand_back() {
  pausing = false;
  ticket.reset();
  note = {};
  record->change(job_handed_back{});
  record->flush([this] {
    ended = true;
    self->quit();
  });
}

void clone_state::obey(const job_order_ptr& command) {
  record->obey(
    command, order->definition,
    [this] {
      if (next_of(**record) == job_work::clone)
        return;
      pausing = false;
      ticket.reset();
      note = {};
    },
    [this] {
      const auto work = next_of(**record);
      if (!ended && work != job_work::clone && work != job_work::steps)
        conclude();
    });
}

void clone_state::rest() {
  // What only waits is not what ends the process.
  if ((*record)->recoveries > 0 && !(*record)->rested) {
    record->change(job_rested{});
    record->flush();
  }
  leave_recovery();
}

void clone_state::leave_recovery() {
  if (recovery_place)
    recovery_place->leave();
  recovery_place.reset();
}

void clone_state::answer(reply what) {
  if (order->responder)
    order->responder->answer(std::move(what));
}

reply clone_state::accepted_reply() const {
  return handoff::accepted_reply(*order->definition, **record,
                                 order->preference_applied);
}

reply clone_state::cloned_reply() const {
  return handoff::cloned_reply(*order->definition, **record,
                               order->preference_applied);
}

} // namespace handoff
