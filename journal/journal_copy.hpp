#pragma once

#include "job/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// A job as its rows of events make it.
struct copied_job {
  std::string id;
  std::string flow;
  /// As `journal/job_codec` wraps them, in their order.
  std::vector<std::vector<std::uint8_t>> events;
};

struct copied_key {
  std::string flow;
  std::string key;
  std::string job;
  std::string fingerprint;
  std::int64_t expires = 0; ///< ms since 1970
};

struct copied_definition {
  std::string version;
  std::vector<std::uint8_t> definition; ///< CBOR
};

/// A stopped journal that is read or filled as a whole. All methods throw
/// `std::runtime_error`, which says what an operator should do.
class whole_journal {
public:
  virtual ~whole_journal() = default;

  virtual bool is_empty() = 0;

  /// Up to `limit` jobs that come after the one with the id `after`, oldest
  /// first.
  virtual std::vector<copied_job> jobs_after(const std::string& after,
                                             std::size_t limit) = 0;
  virtual std::vector<copied_key> keys() = 0;
  virtual std::vector<copied_definition> definitions() = 0;

  /// What is added holds once it is committed, all of it or nothing.
  virtual void add(const std::vector<copied_job>& jobs) = 0;
  virtual void add(const std::vector<copied_key>& keys) = 0;
  virtual void add(const std::vector<copied_definition>& definitions) = 0;
  virtual void commit() = 0;
};

/// Opens the journal in a file of SQLite, which it has to itself; makes it if
/// it is not there.
std::unique_ptr<whole_journal> open_whole_sqlite(const std::string& path);

/// The same in a database of PostgreSQL, where no node may live.
std::unique_ptr<whole_journal> open_whole_postgres(const std::string& uri);

struct copy_facts {
  std::uint64_t jobs = 0;
  std::uint64_t unfinished = 0;
  std::uint64_t keys = 0;
};

/// Copies all that `from` has to `to`, which is empty: jobs with every event,
/// keys, definitions. Jobs that are not finished are anybody's then.
result<copy_facts> copy_journal(whole_journal& from, whole_journal& to);

} // namespace handoff
