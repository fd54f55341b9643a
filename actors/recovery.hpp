#pragma once

#include "actors/environment.hpp"
#include "actors/messages.hpp"
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

/// Takes up jobs that nobody works on: those that the last run left.
using recovery_actor = caf::typed_actor<
  // To itself: the next page of jobs.
  caf::reacts_to<next_atom>,
  // Takes up no more.
  caf::reacts_to<drain_atom>>;

struct recovery_options {
  environment_ptr env;
  root_supervisor_actor root;
  /// For definitions; read on a thread of its own.
  std::shared_ptr<journal_reader> reader;
  /// Compiles a definition that was journaled.
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
  /// The places of the jobs that were unfinished at the start. Those of jobs
  /// that cannot go on stay in it.
  place_ptr job_places = std::make_shared<place>();
  /// Told what an operator should know; `about` is null where it is no single
  /// job.
  std::function<void(const std::string& what, const job* about)> warn;
  /// A job that was taken up this often without getting any further is set
  /// aside: it may be what ends the process.
  std::uint32_t recoveries_max = 5;
  /// One that was taken up this often without getting any further is taken up
  /// after all others, in a group of at most 10^(recoveries_max - 1 - n) after
  /// n times: by itself at last, so that no other job is set aside with the one
  /// that ends the process.
  std::uint32_t suspect_after = 2;
  std::size_t page = 100;
  std::chrono::milliseconds pause{100};
  /// How soon to look again when there are no more: others may end that share
  /// the journal. 0: it is through then.
  std::chrono::milliseconds look_again{0};
  /// Whether anything may be taken up now; null: always.
  std::function<bool()> may_take = {};
};

/// Acquires unfinished jobs from the journal, a page at a time, and hands them
/// to the root supervisor. Each job has a place in the recovery, which it gives
/// back when it waits for anything or gets further: neither memory nor the
/// upstreams feel how many there are, and no upstream or flow holds up the jobs
/// of others.
///
/// Where others share the journal, it is never through, and takes up no more
/// than `max-jobs` leaves room for.
///
/// Blocks on the journal, so it is spawned detached; ends when it is through.
/// When it dies, what it had not come to is taken up at the next start.
struct recovery_state {
  using self_pointer = recovery_actor::stateful_pointer<recovery_state>;

  static inline const char* name = "recovery";

  explicit recovery_state(self_pointer actor) : self{actor} {}

  void next_page();
  void take_up(const std::vector<job_ptr>& found);
  /// When there are no more pages. Ends the actor when there are no more
  /// suspects.
  void next_group();
  void write_down();
  void begin_taken();
  void try_again(const std::string& why);
  void later(std::chrono::milliseconds pause);
  /// How many more it may take up now.
  std::size_t room() const;
  std::size_t group_size(std::uint32_t recoveries) const;
  place_ptr job_place();
  flow_ptr definition_of(const job& record);

  /// A job that is being set aside.
  struct set_aside_job {
    job_ptr record;
    error why;
  };

  /// Jobs of which it is being written down that they are taken up. What is
  /// written again is the same, so that it is counted once.
  struct page_taken {
    events_ptr events;
    std::vector<recovered_job_ptr> ready;
    std::vector<set_aside_job> set_aside;
  };

  self_pointer self;
  recovery_options options;
  std::optional<page_taken> taken;
  std::string last_reason; ///< why nothing could be taken up
  /// By how often they were taken up. A handle for each: small, and as many as
  /// there are unfinished jobs at the most.
  std::multimap<std::uint32_t, recovered_job> suspects;
  /// Of the group of suspects that is under way.
  places group;
  std::map<std::string, flow_ptr> definitions;
  /// Jobs that cannot go on, for want of a definition.
  std::size_t held_back_count = 0;
};

recovery_actor::behavior_type recovery(recovery_state::self_pointer self,
                                       recovery_options options);

} // namespace handoff
