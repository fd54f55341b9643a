#include "http/outbound/outbound.hpp"

#include "actors/outbound_door.hpp"
#include "job/crash_point.hpp"

#include <utility>

namespace handoff {

outbound_actor outbound(caf::actor_system& system,
                        const std::weak_ptr<outbound_client>& client) {
  return outbound_door(system, [client](outbound_call_ptr call,
                                        std::function<void(exchange)> answer) {
    const auto alive = client.lock();
    if (!alive)
      return;
    const bool clone = call->purpose == call_class::clone;
    crash_point(clone ? "before-clone-call" : "before-sub-action-call");
    alive->start(
      std::move(call), [answer = std::move(answer), clone](exchange done) {
        crash_point(clone ? "after-clone-call" : "after-sub-action-call");
        answer(std::move(done));
      });
  });
}

} // namespace handoff
