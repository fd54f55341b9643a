#pragma once

#include "actors/environment.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace handoff {

/// Makes one attempt of a sub-action and says what came of it; decides nothing.
///
/// When it dies it loses at most the answer of the attempt that was under way;
/// its supervisor learns of the death, starts another and makes that attempt
/// again.
sub_action_actor::behavior_type sub_action(sub_action_actor::pointer self,
                                           environment_ptr env);

} // namespace handoff
