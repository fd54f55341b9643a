#pragma once

#include "actors/environment.hpp"
#include "journal/journal.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// Takes up again what the last run left.
using recovery_actor = caf::typed_actor<
  // To itself: the next page of unfinished jobs.
  caf::reacts_to<next_atom>>;

struct recovery_options {
  environment_ptr env;
  root_supervisor_actor root;
  /// Read on a thread of its own.
  std::shared_ptr<journal_reader> reader;
  /// Compiles a definition that was journaled.
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
  /// Jobs with this id or a later one are of this run.
  std::string before;
  /// Told what an operator should know; `about` is null where it is no single
  /// job.
  std::function<void(const std::string& what, const job* about)> warn;
  /// A job that was taken up this often without getting any further is set
  /// aside: it may be what ends the process.
  std::uint32_t recoveries_max = 5;
  /// One that was taken up this often without getting any further is taken up
  /// after all others and by itself, so that those that were under way beside
  /// the one which ends the process are not set aside with it.
  std::uint32_t suspect_after = 2;
  /// How long such a job is by itself before the next one.
  std::chrono::milliseconds suspect_pause{500};
  std::size_t page = 100;
  std::chrono::milliseconds pause{100};
  /// Recovered jobs that are under way at once.
  std::size_t under_way_max = 2'000;
};

/// Hands unfinished jobs to the root supervisor, newest first, at most `page`
/// of them every `pause` and never more than `under_way_max` at once, so that
/// neither memory nor the upstreams feel how many there are. Blocks on the
/// journal, so it is spawned detached; ends when it is through. When it dies,
/// what it had not come to is recovered at the next start.
struct recovery_state {
  using self_pointer = recovery_actor::stateful_pointer<recovery_state>;

  static inline const char* name = "recovery";

  explicit recovery_state(self_pointer actor) : self{actor} {}

  void next_page();
  void take_up(const std::vector<job>& found);
  /// When there are no more pages. Ends the actor when there are no more
  /// suspects.
  void next_suspect();
  void write_down();
  void begin_taken();
  void try_again(const std::string& why);
  void later(std::chrono::milliseconds pause);
  flow_ptr definition_of(const job& record);

  struct job_set_aside {
    job record;
    error why;
  };

  /// Jobs of which it is being written down that they are taken up. What is
  /// written again is the same, so that it is counted once.
  struct page_taken {
    events_ptr events;
    std::vector<recovered_job_ptr> ready;
    std::vector<job_set_aside> set_aside;
    /// Before what follows; none: that between pages.
    std::optional<std::chrono::milliseconds> pause = {};
  };

  self_pointer self;
  recovery_options options;
  std::optional<page_taken> taken;
  /// By how often they were taken up. A handle for each: small, and as many as
  /// there are unfinished jobs at the most.
  std::multimap<std::uint32_t, recovered_job_ptr> suspects;
  recovered_job_ptr alone;
  std::map<std::string, flow_ptr> definitions;
};

recovery_actor::behavior_type recovery(recovery_state::self_pointer self,
                                       recovery_options options);

} // namespace handoff
