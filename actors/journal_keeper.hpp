#pragma once

#include "actors/environment.hpp"
#include "journal/journal.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace handoff {

/// Owns the journal and lets one commit serve all who wait for one: what stands
/// in its mailbox when a commit begins goes into that commit. A commit blocks,
/// so this actor is spawned detached.
///
/// When it dies the service stops: nothing can be acknowledged without it.
struct journal_keeper_state {
  using self_pointer = journal_actor::stateful_pointer<journal_keeper_state>;

  static inline const char* name = "journal_keeper";

  explicit journal_keeper_state(self_pointer actor) : self{actor} {}

  caf::typed_response_promise<commit_done> enqueue(const events_ptr& events);
  void commit_all();
  job_found find(const std::string& id);

  self_pointer self;
  std::shared_ptr<journal> store;
  /// Sees every event once it is durable; must not block.
  std::function<void(const job_event&)> observe;
  std::vector<job_event> waiting;
  std::vector<caf::typed_response_promise<commit_done>> promises;
};

journal_actor::behavior_type
journal_keeper(journal_keeper_state::self_pointer self,
               std::shared_ptr<journal> store,
               std::function<void(const job_event&)> observe = nullptr);

} // namespace handoff
