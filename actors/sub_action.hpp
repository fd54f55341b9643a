#pragma once

#include "actors/environment.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace handoff {

/// Makes one attempt of a sub-action; decides nothing. What came of it, its
/// supervisor is told by the outbound client itself.
///
/// When it dies, its supervisor learns of it, takes the attempt that was under
/// way for lost, whatever comes of it, starts another and makes the attempt
/// again.
sub_action_actor::behavior_type sub_action(sub_action_actor::pointer self,
                                           environment_ptr env);

} // namespace handoff
