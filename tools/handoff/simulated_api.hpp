#pragma once

#include "actors/handles.hpp"
#include "config/connection_registry.hpp"
#include "tools/handoff/simulation.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>

namespace handoff {

/// What a simulated API shares with who looks at it.
struct simulated_traffic {
  fake_api::script script;
  /// Calls through one get what it says, and a token that is made up.
  std::shared_ptr<connection_registry> connections =
    std::make_shared<connection_registry>();
  std::vector<simulated_call> calls;
  std::function<std::chrono::milliseconds()> now; ///< since the webhook
};

/// An actor in the place of the outbound client. It answers each call as
/// fake_api would with the script, once that much virtual time has passed.
outbound_actor spawn_simulated_api(caf::actor_system& system,
                                   std::shared_ptr<simulated_traffic> traffic);

} // namespace handoff
