#include "actors/sub_action.hpp"

#include "actors/ask.hpp"

#include <caf/typed_response_promise.hpp>

namespace handoff {

sub_action_actor::behavior_type sub_action(sub_action_actor::pointer self,
                                           environment_ptr env) {
  return {
    [self, env](const outbound_call_ptr& call) {
      env->fault_point("sub_action");
      auto promise = self->make_response_promise<exchange_ptr>();
      ask(self, *env, env->outbound,
          call->patience + call->timeout + request_grace, call)
        .then([promise](
                const exchange_ptr& done) mutable { promise.deliver(done); },
              [promise](const caf::error& failed) mutable {
                // Only the end of the outbound actor brings us here.
                promise.deliver(failed);
              });
      return promise;
    },
  };
}

} // namespace handoff
