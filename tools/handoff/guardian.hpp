#pragma once

#include "actors/handles.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace handoff {

/// Stands between the actors and the main thread, which waits for signals.
using guardian_actor = caf::typed_actor<
  // Drains the tree.
  caf::reacts_to<drain_atom>>;

struct guardian_options {
  root_supervisor_actor root;
  journal_actor journal;
  outbound_actor outbound;
  intake_actor intake;
  /// The tree is drained.
  std::function<void()> drained;
  /// An actor without which nothing can go on has died.
  std::function<void(const std::string& who)> lost;
};

guardian_actor::behavior_type guardian(guardian_actor::pointer self,
                                       guardian_options options);

} // namespace handoff
