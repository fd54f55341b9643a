#pragma once

#include "job/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// What `back_up_sqlite` wrote.
struct backup_facts {
  std::uint64_t bytes = 0;
  std::uint64_t jobs = 0;
};

/// Copies the journal in the file `from` to `to`, as it is at one moment, while
/// others go on writing to it. `to` must not be there yet; it appears whole,
/// and synced to the disk, or not at all. Only its owner can read it.
///
/// Error `invalid_request`: `to` is there, or `from` is not;
/// `journal_unavailable`: what the disk or SQLite says.
result<backup_facts> back_up_sqlite(const std::string& from,
                                    const std::string& to);

/// What `check_sqlite` found.
struct journal_facts {
  std::int64_t schema = 0;
  std::uint64_t jobs = 0;
  /// How many jobs there are of each status, by name.
  std::map<std::string, std::uint64_t> statuses;
  /// What is damaged, at most a hundred; empty: nothing is.
  std::vector<std::string> problems;
};

/// Reads all of the journal in the file `path`, every page and every event, and
/// changes nothing of it. Errors as those of `back_up_sqlite`.
result<journal_facts> check_sqlite(const std::string& path);

/// Whether the file at `path` is a journal that a running service left, without
/// the write-ahead log that belongs to it: it was copied by itself, and its
/// newest jobs may be missing. To be asked before the journal is opened.
bool lacks_its_log(const std::string& path);

/// Whether a journal was here before, which is gone. To be asked before the
/// journal is opened.
bool was_removed(const std::string& path);

} // namespace handoff
