#pragma once

#include "actors/handles.hpp"
#include "actors/progress.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// Stands between the actors and the main thread, which waits for signals.
using guardian_actor = caf::typed_actor<
  // Drains the tree.
  caf::reacts_to<drain_atom>,
  // To itself: see whether the tree is alive, and whether something hangs.
  caf::reacts_to<again_atom>, caf::reacts_to<next_atom>>;

/// An actor that nobody else looks after.
struct watched_actor {
  std::string name; ///< as an operator would say it
  caf::strong_actor_ptr actor;
  /// Its end is no fault when it was done.
  bool may_end = false;
};

struct guardian_options {
  root_supervisor_actor root;
  /// Those without which nothing, or not everything, can go on.
  std::vector<watched_actor> watched;
  /// The tree is drained.
  std::function<void()> drained;
  /// One of the watched has died, or its work cannot be done any more.
  std::function<void(const std::string& who)> lost;
  /// What has been under way for longer than this. Empty: nobody looks.
  std::function<std::optional<hang>(std::chrono::milliseconds least)> hanging;
  /// Told when something begins to hang, and, with nothing, when all goes on.
  std::function<void(const std::optional<hang>&)> hangs;
  /// The root supervisor has answered and nothing hangs, so that the tree makes
  /// progress.
  std::function<void()> alive;
  /// How often it is asked; 0: never, and `alive` may be empty.
  std::chrono::milliseconds alive_every{0};
};

/// Says who died, and whether the tree makes progress: no sign of life while a
/// commit or an actor has been under way for longer than `alive_every`, which
/// leaves a service manager as much time again. Restarts nobody: what
/// these actors held is in the journal, and a start takes it up from there.
guardian_actor::behavior_type guardian(guardian_actor::pointer self,
                                       guardian_options options);

} // namespace handoff
