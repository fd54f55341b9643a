#pragma once

#include "journal/known_jobs.hpp"
#include "journal/sqlite_reader.hpp"

#include <cstdint>
#include <span>

namespace handoff::sqlite {

/// Writes what `known_jobs` has folded, within a transaction that the caller
/// holds. All methods throw `failure`, upon which the caller undoes the
/// transaction and forgets what the fold remembers.
class writer {
public:
  explicit writer(connection& on);

  /// What was folded, in as few rows as there can be.
  void store(const known_jobs& folded);

  /// Deletes final jobs, with the keys that they hold by what `reads` knows of
  /// them, and gives their ids; see `journal::prune`.
  std::vector<std::string> prune(wall_time before, wall_time now,
                                 std::size_t limit, reader& reads);

  /// The number of the job that comes next: all jobs of earlier openings have
  /// lower ones, and no later job has.
  std::int64_t next_no() const noexcept { return next_no_; }

private:
  void store(const key_change& change);
  void store(known_job& each);

  std::int64_t next_no_;
  statement insert_job_;
  statement update_job_;
  statement insert_events_;
  statement claim_key_;
  statement release_key_;
  statement insert_definition_;
  statement prunable_;
  statement delete_job_;
  statement delete_events_;
  statement delete_keys_;
};

} // namespace handoff::sqlite
