#include "journal/sqlite_schema.hpp"

#include "journal/sqlite_handle.hpp"

#include <array>
#include <string>

namespace handoff::sqlite {
namespace {

// The journal is the sequence of events, and `jobs` is what lists and decisions
// need of what they add up to. A row of `events` holds all that one commit
// told of one job, as CBOR, under `job number * 2^20 + row number`: one insert
// into one tree without an index, next to the job's other rows, so that
// reading a job is one range. Tables of attempts and sub-actions would take an
// insert, an update and an index entry for each; they were not measured,
// because this layout keeps well below what a job may cost (journal_bench).
//
// No IN list of more than two values stands in a CHECK: SQLite makes a table of
// it for each row that is written, half of what the row costs.
//
// Indexes of `jobs` are paid for by every job. Most jobs of a journal have
// succeeded, so that a list of these is read off the ids, while all others are
// found through `jobs_open`; jobs of a flow or with a UID are looked for among
// the ids, because an index of UIDs, which come in no order, would dirty a
// page for each job (reasoned, not measured).
constexpr std::string_view version_1 = R"sql(
CREATE TABLE jobs (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  flow TEXT NOT NULL,
  -- job/status.hpp: 1 cloning, 2 running, 3 succeeded, 4 failed, 5 cancelled,
  -- 6 ambiguous
  status INTEGER NOT NULL CHECK (status BETWEEN 1 AND 6),
  -- a text or an integer; a blob of digits when it is past 64 bits
  uid ANY,
  received INTEGER NOT NULL, -- ms since 1970, as all times
  finished INTEGER
) STRICT;
CREATE INDEX jobs_open ON jobs (status, id) WHERE status <> 3;
CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;

CREATE TABLE events (
  key INTEGER PRIMARY KEY,
  payload BLOB NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
  flow TEXT NOT NULL,
  key TEXT NOT NULL,
  job TEXT NOT NULL, -- may be forgotten before its key expires
  fingerprint TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (flow, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expire ON idempotency_keys (expires);

CREATE TABLE flow_definitions (
  version TEXT PRIMARY KEY,
  definition BLOB NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// A job can be final and have callbacks left to make. Only such jobs pay for
// the index.
constexpr std::string_view version_2 = R"sql(
ALTER TABLE jobs ADD COLUMN calling_back INTEGER NOT NULL DEFAULT 0
  CHECK (calling_back IN (0, 1));
CREATE INDEX jobs_calling_back ON jobs (id)
  WHERE calling_back = 1 AND status NOT IN (1, 2);
)sql";

// The number of the last opening: one that finds another than its own writes
// nothing any more. It is read by each commit, and written by each opening.
constexpr std::string_view version_3 = R"sql(
CREATE TABLE owner (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  number INTEGER NOT NULL CHECK (number >= 0)
) STRICT;
INSERT INTO owner (one, number) VALUES (1, 0);
)sql";

constexpr std::array<std::string_view, 3> all{version_1, version_2, version_3};

} // namespace

std::span<const std::string_view> migrations() noexcept {
  return all;
}

void migrate(connection& on, std::span<const std::string_view> steps) {
  const auto latest = static_cast<std::int64_t>(steps.size());
  const auto owner = on.ask("PRAGMA application_id");
  const auto version = on.ask("PRAGMA user_version");
  const bool is_new =
    version == 0 && on.ask("SELECT count(*) FROM sqlite_schema") == 0;
  if (!is_new && owner != journal_application_id)
    throw failure{"the journal's file is a database of another program; "
                  "trying again does not help, nothing was changed"};
  if (version > latest)
    throw failure{"the journal has version " + std::to_string(version)
                  + " of its schema, this release knows up to "
                  + std::to_string(latest)
                  + "; trying again does not help, nothing was changed"};
  if (is_new)
    // Before the first page is written, or it would take a VACUUM.
    on.run("PRAGMA auto_vacuum = INCREMENTAL");
  on.run("PRAGMA journal_mode = WAL");
  for (auto at = version; at < latest; ++at) {
    transaction step{on, transaction::purpose::write};
    on.run(std::string{steps[static_cast<std::size_t>(at)]}.c_str());
    on.run(("PRAGMA application_id = " + std::to_string(journal_application_id))
             .c_str());
    on.run(("PRAGMA user_version = " + std::to_string(at + 1)).c_str());
    step.commit();
  }
}

void prepare_to_write(connection& on) {
  // FULL: a commit has returned when the log is on the disk, not before.
  on.run("PRAGMA synchronous = FULL;"
         "PRAGMA journal_size_limit = 67108864;"
         "PRAGMA cache_size = -32768;"
         "PRAGMA temp_store = MEMORY;"
         "PRAGMA trusted_schema = OFF");
}

} // namespace handoff::sqlite
