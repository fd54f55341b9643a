// A journal of PostgreSQL that is read or filled as a whole.

#include "journal/copied_row.hpp"
#include "journal/journal_copy.hpp"
#include "journal/postgres/job_columns.hpp"
#include "journal/postgres/postgres_journal.hpp"
#include "journal/postgres/schema.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using postgres::column;
using postgres::job_of;
using postgres::parameters;
using postgres::statement;
using postgres::uuid_of;

const std::array statements{
  statement{"whole_jobs", "SELECT id, flow FROM jobs WHERE id > $1::uuid ORDER "
                          "BY id LIMIT $2::int8"},
  statement{"whole_events", "SELECT payload FROM events WHERE job = $1::uuid "
                            "ORDER BY row"},
  statement{"whole_keys", "SELECT flow, key, job, fingerprint, expires FROM "
                          "idempotency_keys"},
  statement{"whole_definitions",
            "SELECT version, definition FROM flow_definitions"},
  statement{"whole_forget",
            "WITH gone AS (DELETE FROM nodes WHERE no = $1::int8 AND state > 2 "
            "RETURNING no) DELETE FROM leases USING gone WHERE node = gone.no"},
  statement{"whole_add_jobs",
            "INSERT INTO jobs (id, flow, received, status, problem, uid, "
            "uid_number, finished, calling_back, owner) SELECT * FROM "
            "unnest($1::uuid[], $2::text[], $3::int8[], $4::int2[], "
            "$5::int2[], $6::bytea[], $7::bool[], $8::int8[], $9::bool[], "
            "$10::int8[])"},
  statement{"whole_add_events",
            "INSERT INTO events (job, row, payload) SELECT * FROM "
            "unnest($1::uuid[], $2::int4[], $3::bytea[])"},
  statement{"whole_add_keys",
            "INSERT INTO idempotency_keys (flow, key, job, fingerprint, "
            "expires) SELECT * FROM unnest($1::text[], $2::bytea[], "
            "$3::uuid[], $4::bytea[], $5::int8[])"},
  statement{"whole_add_definitions",
            "INSERT INTO flow_definitions SELECT * FROM unnest($1::text[], "
            "$2::bytea[])"},
};

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::uint8_t> bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// The journal is opened once and ended: so its schema is there and it fits.
/// Gives the node that this was.
journal_owner expect_journal(const postgres_journal_options& options) {
  const auto made = postgres_journal::open(options);
  if (const auto* failed = std::get_if<error>(&made))
    throw std::runtime_error{failed->detail};
  return std::get<std::unique_ptr<postgres_journal>>(made)->owner();
}

class whole_postgres final : public whole_journal {
public:
  /// `opened_as` is the node that opened it last, which is no node of the
  /// service: it is not listed as one that has gone.
  whole_postgres(const postgres_journal_options& options,
                 journal_owner opened_as)
      : on_{options.uri, options.patience} {
    postgres::prepare_session(on_, options.schema);
    on_.prepare(statements);
    on_.query(named(statements, "whole_forget"),
              parameters{}.integer(opened_as.number));
    if (on_.ask("SELECT count(*) FROM nodes WHERE state < 3") != "0")
      throw std::runtime_error{
        "nodes share this journal now: stop them all first (handoff nodes "
        "lists them), and wait for the leases of those that were killed, or "
        "start and stop one of them"};
    on_.run({"SET idle_in_transaction_session_timeout = 0", "BEGIN"});
  }

  bool is_empty() override {
    return on_.ask("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM "
                   "idempotency_keys)")
        == "0";
  }

  std::vector<copied_job> jobs_after(const std::string& after,
                                     std::size_t limit) override {
    const auto jobs =
      on_.query(named(statements, "whole_jobs"),
                parameters{}
                  .bytes(uuid_of(after).value_or(std::string(16, '\0')))
                  .integer(static_cast<std::int64_t>(limit)));
    std::vector<copied_job> found;
    for (int row = 0; row < jobs.count(); ++row) {
      copied_job each{
        job_of(jobs.bytes(row, 0)), std::string{jobs.bytes(row, 1)}, {}};
      const auto events = on_.query(named(statements, "whole_events"),
                                    parameters{}.bytes(jobs.bytes(row, 0)));
      for (int n = 0; n < events.count(); ++n)
        each.events.push_back(bytes_of(events.bytes(n, 0)));
      found.push_back(std::move(each));
    }
    return found;
  }

  std::vector<copied_key> keys() override {
    const auto rows = on_.query(named(statements, "whole_keys"), {});
    std::vector<copied_key> found;
    for (int row = 0; row < rows.count(); ++row)
      found.push_back({std::string{rows.bytes(row, 0)},
                       std::string{rows.bytes(row, 1)},
                       job_of(rows.bytes(row, 2)),
                       std::string{rows.bytes(row, 3)}, rows.integer(row, 4)});
    return found;
  }

  std::vector<copied_definition> definitions() override {
    const auto rows = on_.query(named(statements, "whole_definitions"), {});
    std::vector<copied_definition> found;
    for (int row = 0; row < rows.count(); ++row)
      found.push_back(
        {std::string{rows.bytes(row, 0)}, bytes_of(rows.bytes(row, 1))});
    return found;
  }

  void add(const std::vector<copied_job>& jobs) override {
    postgres::job_columns made;
    column flow{postgres::text_type}, received{postgres::int8_type};
    column job{postgres::uuid_type}, row{postgres::int4_type},
      payload{postgres::bytea_type};
    for (const auto& each : jobs) {
      const auto known = row_of(each);
      made.add(known, 0);
      flow.bytes(each.flow);
      received.big(ms_since_1970(known.record.hook.received));
      for (std::size_t n = 0; n < each.events.size(); ++n) {
        job.bytes(uuid_of(each.id).value());
        row.integer(static_cast<std::int32_t>(n));
        payload.bytes(text_of(each.events[n]));
      }
    }
    parameters given;
    for (const auto* each : {&made.id, &flow, &received})
      each->add_to(given);
    made.add_to(given);
    on_.query(named(statements, "whole_add_jobs"), given);
    parameters events;
    for (const auto* each : {&job, &row, &payload})
      each->add_to(events);
    on_.query(named(statements, "whole_add_events"), events);
  }

  void add(const std::vector<copied_key>& keys) override {
    column flow{postgres::text_type}, key{postgres::bytea_type},
      job{postgres::uuid_type}, fingerprint{postgres::bytea_type},
      expires{postgres::int8_type};
    for (const auto& each : keys) {
      flow.bytes(each.flow);
      key.bytes(each.key);
      job.bytes(uuid_of(each.job).value());
      fingerprint.bytes(each.fingerprint);
      expires.big(each.expires);
    }
    parameters given;
    for (const auto* each : {&flow, &key, &job, &fingerprint, &expires})
      each->add_to(given);
    on_.query(named(statements, "whole_add_keys"), given);
  }

  void add(const std::vector<copied_definition>& definitions) override {
    column version{postgres::text_type}, definition{postgres::bytea_type};
    for (const auto& each : definitions) {
      version.bytes(each.version);
      definition.bytes(text_of(each.definition));
    }
    parameters given;
    version.add_to(given);
    definition.add_to(given);
    on_.query(named(statements, "whole_add_definitions"), given);
  }

  /// What was copied is of none of the nodes that the database had before.
  /// Their numbers are not given again.
  void commit() override {
    on_.run({"DELETE FROM leases WHERE node IN (SELECT no FROM nodes WHERE "
             "state >= 3)",
             "DELETE FROM nodes WHERE state >= 3", "COMMIT", "ANALYZE"});
  }

private:
  postgres::connection on_;
};

} // namespace

std::unique_ptr<whole_journal> open_whole_postgres(const std::string& uri) {
  postgres_journal_options options;
  options.uri = uri;
  const auto opened_as = expect_journal(options);
  return std::make_unique<whole_postgres>(options, opened_as);
}

} // namespace handoff
