#pragma once

#include "job/error.hpp"
#include "job/event.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Which jobs to list. What is empty selects nothing away.
struct job_query {
  std::string flow = {};
  std::optional<job_status> status = {};
  /// The UID as text; an integer UID is found by its decimal digits.
  std::string uid = {};
  std::optional<wall_time> since = {}; ///< received at or after
  std::size_t limit = 50;              ///< 1..1000
  /// Only jobs that are older than the one with this id: the page's cursor.
  std::string before = {};
};

/// A line of a list of jobs.
struct job_summary {
  std::string id;
  std::string flow;
  job_status status = job_status::cloning;
  nlohmann::json uid;
  wall_time received;
  std::optional<wall_time> finished;
};

struct job_page {
  std::vector<job_summary> jobs;   ///< newest first
  std::optional<std::string> next; ///< the cursor of the next page, if any
};

/// Who holds an idempotency key.
struct key_holder {
  std::string job;
  idempotency_claim claim;
};

/// A view of what survives. Every error is of kind `journal_unavailable`, and
/// says whether trying again may help. Used by one thread at a time.
class journal_reader {
public:
  virtual ~journal_reader() = default;

  /// The job as all committed events left it; empty if it is not known.
  virtual result<std::optional<job>> find(std::string_view id) = 0;

  virtual result<job_page> list(const job_query& query) = 0;

  /// Up to `limit` jobs that are unfinished (`is_unfinished`) and older than
  /// `before` (all if empty), newest first.
  virtual result<std::vector<job>> unfinished(std::string_view before,
                                              std::size_t limit) = 0;

  /// How many jobs `unfinished` would give in all.
  virtual result<std::uint64_t> count_unfinished() = 0;

  /// The job that holds `key` in `flow` and has not let go of it by `now`. It
  /// may have been forgotten since.
  virtual result<std::optional<key_holder>>
  find_key(std::string_view flow, std::string_view key, wall_time now) = 0;

  /// The definition of a flow as it was committed with a job.
  virtual result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) = 0;

  /// How much it keeps, in bytes of its medium: what `prune` makes less. What
  /// a backend needs besides (a log of bounded size) is not in it.
  virtual result<std::uint64_t> bytes() = 0;
};

/// What survives: the events of all jobs, and what they add up to. Speaks of
/// jobs, not of storage; any backend passes the one conformance suite
/// (tests/journal/conformance.hpp).
///
/// One thread commits, prunes and reads through the journal itself; others
/// read through what `open_reader` gives them. Times are kept to the
/// millisecond.
class journal : public journal_reader {
public:
  /// Makes all of `events` durable, in order, in one transaction: after a
  /// crash either all of them hold or none. Nothing has happened if it gives
  /// an error, and the next commit may succeed; only a crash before that next
  /// commit may show all of `events` nevertheless, where the disk took them
  /// and then failed to say so. An event of a job that is not known, and one
  /// that has been applied before, change nothing.
  ///
  /// Who commits sees to it that a key is free before a job claims it. Where
  /// another job holds the key at the time of the event, that job keeps it,
  /// and the new one is journaled without holding it: no job is lost for it. A
  /// job that is forgotten lets go of its key to whoever claims it.
  std::optional<error> commit(std::span<const job_event> events) {
    return commit_all({&events, 1});
  }

  /// The same for events that several have brought, all in one commit.
  virtual std::optional<error>
  commit_all(std::span<const std::span<const job_event>> batches) = 0;

  /// Makes a commit that changes nothing: whether one would succeed now. For a
  /// journal that failed while nobody has anything to commit.
  virtual std::optional<error> check() = 0;

  /// Forgets up to `limit` final jobs that finished before `before` and have
  /// no callback left to make, the one
  /// that finished first foremost, with all that belongs to them, and keys
  /// that have expired by `now`. Gives how many jobs it forgot. The room
  /// that becomes free is used again, and given back when it is much. A crash
  /// leaves all or none of one call's jobs.
  virtual result<std::size_t> prune(wall_time before, wall_time now,
                                    std::size_t limit) = 0;

  /// Does housekeeping that would otherwise be done within a commit, if there
  /// is enough to do; gives whether it did any. Takes some tens of
  /// milliseconds on a slow disk. May be called from any thread, and holds up
  /// neither commits nor readers but for the disk that they share. Changes
  /// nothing that a crash could lose.
  virtual result<bool> maintain() = 0;

  /// A reader for another thread, which never waits for commits nor holds
  /// them up, and sees a commit as soon as it has returned. May be called from
  /// any thread; must not outlive the journal.
  virtual result<std::unique_ptr<journal_reader>> open_reader() = 0;
};

} // namespace handoff
