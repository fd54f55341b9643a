#pragma once

#include "actors/handles.hpp"
#include "tools/handoff/simulation.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>

namespace handoff {

/// What a simulated API shares with who looks at it.
struct simulated_traffic {
  fake_api::script script;
  std::vector<simulated_call> calls;
  std::function<std::chrono::milliseconds()> now; ///< since the webhook
};

/// An actor in the place of the outbound client. It answers each call as
/// fake_api would with the script, once that much virtual time has passed.
outbound_actor spawn_simulated_api(caf::actor_system& system,
                                   std::shared_ptr<simulated_traffic> traffic);

} // namespace handoff
