#include "actors/sub_action.hpp"

namespace handoff {

sub_action_actor::behavior_type sub_action(sub_action_actor::pointer self,
                                           environment_ptr env) {
  return {
    [self, env](const outbound_call_ptr& call) {
      env->fault_point("sub_action");
      // The answer goes straight to the supervisor.
      return self->delegate(env->outbound, call);
    },
  };
}

} // namespace handoff
