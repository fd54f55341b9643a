#pragma once

#include "actors/environment.hpp"
#include "actors/request_deadlines.hpp"

#include <caf/duration.hpp>
#include <caf/error.hpp>

#include <utility>

namespace handoff {

/// A request that was sent, for its two branches to be named.
template <class Answer>
class asked {
public:
  asked(Answer answer, request_deadlines::ticket until)
      : answer_{std::move(answer)}, until_{std::move(until)} {}

  /// Calls `told` with the answer, or else `failed` with the reason that there
  /// is none: `caf::sec::request_timeout` past the deadline, or the end of who
  /// was asked.
  template <class Told, class Failed>
  void then(Told told, Failed failed) && {
    // The deadline goes when CAF lets go of the branches: with the answer, or
    // with the actor.
    answer_.then(std::move(told),
                 [failed = std::move(failed), until = std::move(until_)](
                   const caf::error& why) mutable { failed(why); });
  }

private:
  Answer answer_;
  request_deadlines::ticket until_;
};

/// Sends `what` to `to` and waits for the answer for `patience`, to the second
/// (see `request_deadlines`). `self` points to the actor that asks.
template <class Self, class Handle, class Duration, class... What>
auto ask(Self* self, const environment& env, const Handle& to,
         Duration patience, What&&... what) {
  auto answer = self->request(to, caf::infinite, std::forward<What>(what)...);
  const auto due =
    self->clock().now()
    + std::chrono::duration_cast<caf::actor_clock::duration_type>(patience);
  return asked{answer, env.deadlines->add(self->address(), answer.id(), due)};
}

} // namespace handoff
