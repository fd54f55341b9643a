#include "actors/request_deadlines.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/error.hpp>
#include <caf/make_message.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <vector>

namespace handoff {

request_deadlines::ticket::~ticket() {
  if (of_)
    of_->remove(at_);
}

request_deadlines::ticket request_deadlines::add(const caf::actor_addr& who,
                                                 caf::message_id answer,
                                                 time_point due) {
  std::function<void()> begin_turns;
  // Made outside, where nobody waits for it.
  entries made;
  made.push_back({who, answer, due, nullptr});
  const auto at = made.begin();
  {
    const std::lock_guard guard{mutex_};
    const auto number = turn_of(due);
    if (!std::exchange(turning_, true)) {
      next_turn_ = number;
      begin_turns = begin_turns_;
    }
    // The first turn looks at all that may be due by then.
    next_turn_ = std::min(next_turn_, number);
    auto& slot = slot_of(number);
    at->in = &slot;
    slot.splice(slot.end(), made);
    ++waiting_;
  }
  if (begin_turns)
    begin_turns();
  return {shared_from_this(), at};
}

void request_deadlines::on_first(std::function<void()> begin_turns) {
  {
    const std::lock_guard guard{mutex_};
    begin_turns_ = begin_turns;
    if (!turning_)
      return;
  }
  // Somebody asked before there was anyone to turn.
  begin_turns();
}

bool request_deadlines::expire(time_point now) {
  std::vector<std::pair<caf::actor_addr, caf::message_id>> due;
  bool is_left = false;
  {
    const std::lock_guard guard{mutex_};
    const auto last = turn_of(now);
    // No more than one round: then each slot has been looked at.
    const auto first =
      std::max(next_turn_, last - static_cast<std::int64_t>(slots_max) + 1);
    for (auto number = first; number <= last; ++number) {
      auto& slot = slot_of(number);
      for (auto at = slot.begin(); at != slot.end();) {
        const auto each = at++;
        if (each->due > now)
          continue; // of this turn's rest or of a later round
        due.emplace_back(each->who, each->answer);
        each->in = &ended_;
        ended_.splice(ended_.end(), slot, each);
        --waiting_;
      }
    }
    // Its rest is looked at again.
    next_turn_ = std::max(next_turn_, last);
    is_left = waiting_ > 0;
    turning_ = is_left;
  }
  for (const auto& [who, answer] : due)
    if (const auto actor = caf::actor_cast<caf::strong_actor_ptr>(who))
      actor->enqueue(nullptr, answer,
                     caf::make_message(caf::error{caf::sec::request_timeout}),
                     nullptr);
  return is_left;
}

std::size_t request_deadlines::size() const {
  const std::lock_guard guard{mutex_};
  return waiting_;
}

std::int64_t request_deadlines::turn_of(time_point when) {
  return std::chrono::duration_cast<std::chrono::seconds>(
           when.time_since_epoch())
    .count();
}

request_deadlines::entries&
request_deadlines::slot_of(std::int64_t turn_number) {
  return slots_[static_cast<std::uint64_t>(turn_number) % slots_max];
}

void request_deadlines::remove(entries::iterator at) {
  entries gone;
  {
    const std::lock_guard guard{mutex_};
    if (at->in != &ended_)
      --waiting_;
    gone.splice(gone.end(), *at->in, at);
  }
}

} // namespace handoff
