#pragma once

#include "actors/environment.hpp"
#include "actors/journal_measures.hpp"
#include "actors/progress.hpp"
#include "journal/journal.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ratio>
#include <thread>
#include <vector>

namespace handoff {

struct journal_keeper_options {
  std::shared_ptr<journal> store;
  /// Reads for it, on a thread of its own.
  journal_finder_actor finder;
  std::function<wall_time()> now;
  /// What commits and rests are measured by.
  std::function<std::chrono::steady_clock::time_point()> steady =
    std::chrono::steady_clock::now;
  /// Sees every event once it is durable; must not block.
  std::function<void(const job_event&)> observe;
  /// Told of every commit: how many events, how long, and whether it succeeded.
  std::function<void(std::size_t events, std::chrono::microseconds took,
                     bool succeeded)>
    committed;
  /// Told when commits begin to fail and when they succeed again.
  std::function<void(const std::optional<error>&)> health;
  /// How long a commit waits for company. 0: no longer than it takes to read
  /// what is in the mailbox.
  std::chrono::milliseconds commit_delay{0};
  /// How long it rests at most after a commit that `crowd` or more had waited
  /// for: they are about to come again, and a commit costs the most where few
  /// share it. It ends when as many have come: of senders that each wait for
  /// their answer, there may be nobody else.
  std::chrono::microseconds crowd_delay{3'000};
  std::size_t crowd = 16;
  /// Between two looks at who has come.
  std::chrono::microseconds crowd_look{500};
  /// Rests. On its thread, which is its own: a timer would wake two more, and
  /// so would everyone who comes in the meantime.
  std::function<void(std::chrono::microseconds)> rest =
    std::this_thread::sleep_for<std::int64_t, std::micro>;
  /// The time by which something is old enough to be forgotten; see
  /// `retained_time`. Empty: `now`.
  std::function<wall_time()> retained_now;
  /// Jobs that finished longer ago are forgotten.
  std::chrono::milliseconds keep{7LL * 24 * 3'600'000};
  /// Above so many bytes finished jobs are forgotten sooner; 0: never.
  std::uint64_t keep_bytes = 0;
  /// Between two looks whether a journal that failed commits again: those that
  /// send webhooks may wait until it says so, and nobody else commits.
  std::chrono::milliseconds check_pause{1'000};
  /// Before a commit is made again of which it is not known whether it holds.
  std::chrono::milliseconds unknown_pause{250};
  /// Between two looks at what is old enough.
  std::chrono::milliseconds sweep_pause{5'000};
  /// Where each look at what is old enough, and the start, leaves what it
  /// measures. May be null.
  std::shared_ptr<journal_measures> measures;
  /// Told what it is in the middle of. Outlives it; may be null.
  activity* watched = nullptr;
  /// Jobs forgotten between two commits.
  std::size_t sweep_step = 100;
};

/// Owns the journal and lets one commit serve all who wait for one: what stands
/// in its mailbox when a commit begins goes into that commit. A commit blocks,
/// so this actor is spawned detached.
///
/// Nobody is told anything of a commit whose outcome is not known: it is made
/// again until it is, as events that come twice change nothing.
///
/// Told to end, it commits what was sent to it before. When it dies the service
/// stops: nothing can be acknowledged without it. So it does when another owner
/// has taken its place.
struct journal_keeper_state {
  using self_pointer = journal_actor::stateful_pointer<journal_keeper_state>;

  static inline const char* name = "journal_keeper";

  explicit journal_keeper_state(self_pointer actor) : self{actor} {}

  caf::typed_response_promise<commit_done> enqueue(const events_ptr& events);
  /// Commits all that waits; gives how many of those who wait for their answer
  /// have been told that it is durable.
  std::size_t commit_all();
  /// Tells everybody what became of what they sent; gives how many waited for
  /// it and have been told that it is durable.
  std::size_t tell(const std::vector<events_ptr>& batches,
                   std::vector<caf::typed_response_promise<commit_done>> told,
                   const std::vector<batch_outcome>& outcomes);
  /// Keeps those whose outcome is not known, to be committed again before all
  /// that comes meanwhile; `before` of them were kept already.
  void keep_unknown(std::vector<events_ptr>& batches,
                    std::vector<caf::typed_response_promise<commit_done>>& told,
                    std::vector<batch_outcome>& outcomes, std::size_t before);
  /// The same, and rests after a crowd.
  void flush();
  void tell_health(const std::optional<error>& failure);
  caf::result<job_found> find(const std::string& id);
  jobs_acquired acquire(const acquisition& wanted);
  job_claimed claim(const std::string& id);
  void release(const std::vector<std::string>& jobs, bool held_back);
  void check();
  void measure();
  bool is_over_keep_bytes() const;
  void sweep();

  self_pointer self;
  journal_keeper_options options;
  std::vector<events_ptr> waiting;
  std::vector<caf::typed_response_promise<commit_done>> promises;
  /// So many at the front of `waiting` may hold already.
  std::size_t unknown = 0;
  bool is_failing = false;
  /// Jobs that the next step towards `keep_bytes` forgets.
  std::size_t room_step = 1;
};

journal_actor::behavior_type
journal_keeper(journal_keeper_state::self_pointer self,
               journal_keeper_options options);

} // namespace handoff
