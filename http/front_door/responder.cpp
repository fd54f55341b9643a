#include "http/front_door/responder.hpp"

#include "actors/replies.hpp"
#include "http/front_door/reply_outbox.hpp"
#include "job/crash_point.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace handoff {
namespace {

// A listener that throws must not take the worker with it.
void tell(const std::function<void(const reply_outcome&)>& told,
          const reply_outcome& outcome) noexcept {
  if (!told)
    return;
  try {
    told(outcome);
  } catch (const std::exception& thrown) {
    spdlog::error("front door: an outcome's listener threw: {}", thrown.what());
  } catch (...) {
    spdlog::error("front door: an outcome's listener threw");
  }
}

reply no_answer() {
  return problem_reply(
    {error_kind::internal, "The service gave no answer to this request."});
}

} // namespace

reply_slot::reply_slot(std::shared_ptr<reply_outbox> outbox,
                       std::uint64_t connection, std::uint64_t request)
    : outbox_(std::move(outbox)), connection_(connection), request_(request) {}

bool reply_slot::answer(reply what) {
  {
    const std::lock_guard guard(mutex_);
    if (std::exchange(settled_, true))
      return false;
    fallback_.reset();
  }
  return outbox_->post({connection_, request_, answer_given{std::move(what)}});
}

void reply_slot::answer_by(time_point when, reply what) {
  {
    const std::lock_guard guard(mutex_);
    if (settled_)
      return;
    due_ = when;
    fallback_ = std::move(what);
  }
  // The item carries no time: the worker asks `due`, so that two callers cannot
  // leave it with the older one.
  outbox_->post({connection_, request_, deadline_changed{}});
}

void reply_slot::on_outcome(listener told) {
  std::optional<reply_outcome> known;
  {
    const std::lock_guard guard(mutex_);
    known = outcome_;
    if (!known) {
      told_.push_back(std::move(told));
      return;
    }
  }
  auto call = [told, outcome = *known] {
    tell(told, outcome);
  };
  if (!outbox_->post({connection_, request_, call_wanted{call}}))
    call();
}

void reply_slot::drop() {
  std::optional<reply> last;
  {
    const std::lock_guard guard(mutex_);
    // Settled at once: the deadline that comes now must find either the
    // fallback or an answer that is on its way.
    if (std::exchange(settled_, true))
      return;
    last = std::exchange(fallback_, std::nullopt);
  }
  outbox_->post({connection_, request_,
                 answer_given{last ? std::move(*last) : no_answer()}});
}

std::optional<reply_slot::time_point> reply_slot::due() const {
  const std::lock_guard guard(mutex_);
  return settled_ ? std::nullopt : due_;
}

std::optional<reply> reply_slot::expire(time_point now) {
  const std::lock_guard guard(mutex_);
  if (settled_ || !due_ || *due_ > now)
    return std::nullopt;
  crash_point("deadline-reply");
  settled_ = true;
  return std::exchange(fallback_, std::nullopt);
}

void reply_slot::end(reply_outcome outcome) {
  std::vector<listener> told;
  {
    const std::lock_guard guard(mutex_);
    if (outcome_)
      return;
    settled_ = true;
    fallback_.reset();
    outcome_ = outcome;
    told = std::exchange(told_, {});
  }
  for (const auto& each : told)
    tell(each, outcome);
}

held_reply::held_reply(std::shared_ptr<reply_slot> slot)
    : slot_(std::move(slot)) {}

held_reply::~held_reply() {
  try {
    slot_->drop();
  } catch (const std::exception& thrown) {
    // Only memory can run out in there; the sender's own timeout is what is
    // left to it then.
    spdlog::error("front door: a request stays without answer: {}",
                  thrown.what());
  }
}

bool held_reply::answer(reply what) {
  return slot_->answer(std::move(what));
}

void held_reply::answer_by(time_point when, reply what) {
  slot_->answer_by(when, std::move(what));
}

void held_reply::on_outcome(std::function<void(const reply_outcome&)> told) {
  slot_->on_outcome(std::move(told));
}

} // namespace handoff
