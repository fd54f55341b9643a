#pragma once

#include "actors/handles.hpp"
#include "journal/journal.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace handoff {

struct journal_finder_options {
  /// Read on a thread of its own.
  std::shared_ptr<journal_reader> reader;
  /// By which keys expire: `retained_time` of what forgets them.
  std::function<wall_time()> now;
  /// Counted down for each key that is looked up. May be null.
  std::shared_ptr<std::atomic<std::size_t>> lookups;
};

/// Looks jobs and keys up in what is durable, so that nobody who only asks
/// waits behind a commit. Blocks on the journal, so it is spawned detached.
/// When it dies the service stops.
struct journal_finder_state {
  using self_pointer =
    journal_finder_actor::stateful_pointer<journal_finder_state>;

  static inline const char* name = "journal_finder";

  job_found find(const std::string& id);
  key_found find_key(const std::string& flow, const std::string& key);
  std::vector<std::string> past_clone(const std::vector<std::string>& jobs);

  journal_finder_options options;
};

journal_finder_actor::behavior_type
journal_finder(journal_finder_state::self_pointer self,
               journal_finder_options options);

} // namespace handoff
