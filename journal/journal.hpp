#pragma once

#include "job/error.hpp"
#include "job/event.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Which jobs to list. What is empty selects nothing away.
struct job_query {
  std::string flow;
  std::optional<job_status> status;
  /// The UID as text; an integer UID is found by its decimal digits.
  std::string uid;
  std::optional<wall_time> since; ///< received at or after
  std::size_t limit = 50;         ///< 1..1000
  /// Only jobs that are older than the one with this id: the page's cursor.
  std::string before;
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

/// What survives: the events of all jobs, and what they add up to. Speaks of
/// jobs, not of storage; any backend passes the one conformance suite
/// (tests/journal/conformance.hpp).
///
/// One thread commits; `open_reader` gives others their own view. Every error
/// is of kind `journal_unavailable`, and says whether trying again may help.
class journal {
public:
  virtual ~journal() = default;

  /// Makes all of `events` durable, in order, in one transaction: after a
  /// crash either all of them hold or none. Nothing has happened if it gives
  /// an error. An event of a job that is not known, and one that has been
  /// applied before, change nothing.
  virtual std::optional<error> commit(std::span<const job_event> events) = 0;

  /// The job as all committed events left it; empty if it is not known.
  virtual result<std::optional<job>> find(std::string_view id) = 0;

  virtual result<job_page> list(const job_query& query) = 0;

  /// Up to `limit` jobs that are neither final nor ambiguous and older than
  /// `before` (all if empty), newest first.
  virtual result<std::vector<job>> unfinished(std::string_view before,
                                              std::size_t limit) = 0;

  /// How many jobs `unfinished` would give in all.
  virtual result<std::uint64_t> count_unfinished() = 0;

  /// The job that holds `key` in `flow` and has not let go of it by `now`.
  virtual result<std::optional<key_holder>>
  find_key(std::string_view flow, std::string_view key, wall_time now) = 0;

  /// The definition of a flow as it was committed with a job.
  virtual result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) = 0;

  /// Forgets up to `limit` final jobs that finished before `before`, oldest
  /// first, with all that belongs to them, and keys that have expired by
  /// `now`. Gives how many jobs it forgot.
  virtual result<std::size_t> prune(wall_time before, wall_time now,
                                    std::size_t limit) = 0;

  /// How much it keeps, in bytes of its medium.
  virtual result<std::uint64_t> bytes() = 0;
};

} // namespace handoff
