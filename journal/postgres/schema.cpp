#include "journal/postgres/schema.hpp"

#include <array>
#include <chrono>
#include <string_view>
#include <vector>

namespace handoff::postgres {
namespace {

// `jobs` says what lists and decisions need, `events` is the journal: a row is
// what one commit told of one job. What senders sent stands in bytea only: a
// text of PostgreSQL has no U+0000. No index names status, uid or calling_back,
// so that the update from cloning to running needs no new index entry (HOT).
const std::vector<std::string> version_1{
  "CREATE TABLE meta (one boolean PRIMARY KEY DEFAULT true CHECK (one), "
  "application text NOT NULL DEFAULT 'handoff', version int NOT NULL, "
  "oldest int NOT NULL, cluster uuid NOT NULL DEFAULT gen_random_uuid())",
  "INSERT INTO meta (version, oldest) VALUES (1, 1)",
  // One row a start of a process, which is written when it starts, connects and
  // ends only: each commit locks it, so that a row that each commit or renewal
  // changed would become slow. no is the fencing token, and session is raised
  // by each new connection of its writer. state: 1 works, 2 leaves, 3 dead, 4
  // dead and nothing left of it. writer is the process of the server that
  // commits for it; boot and process say where its own process is.
  "CREATE TABLE nodes (no bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, "
  "session int NOT NULL DEFAULT 1, "
  "state smallint NOT NULL CHECK (state BETWEEN 1 AND 4), "
  "name text NOT NULL, boot text NOT NULL, process text NOT NULL, "
  "release text NOT NULL, writer int NOT NULL, "
  "started timestamptz NOT NULL DEFAULT clock_timestamp(), "
  "ended timestamptz) WITH (fillfactor = 50)",
  "CREATE INDEX nodes_here ON nodes (state) WHERE state < 4",
  // Others watch renewals change by their own clocks; until is of the
  // database's. length is in ms; seen is the newest node that it leaves room
  // for in what all share.
  "CREATE TABLE leases (node bigint PRIMARY KEY, "
  "renewals bigint NOT NULL DEFAULT 0, until timestamptz NOT NULL, "
  "length bigint NOT NULL, seen bigint NOT NULL DEFAULT 0) "
  "WITH (fillfactor = 20)",
  // owner: the node that works on it; 0: whoever wants; null: nothing is left
  // status: job/status.hpp; problem: the status where it is one of these
  "CREATE TABLE jobs (id uuid PRIMARY KEY, owner bigint, flow text NOT NULL, "
  "status smallint NOT NULL CHECK (status BETWEEN 1 AND 6), "
  "problem smallint CHECK (problem IN (4, 5, 6)), uid bytea, "
  "uid_number boolean NOT NULL DEFAULT false, received bigint NOT NULL, "
  "finished bigint, calling_back boolean NOT NULL DEFAULT false) "
  "WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, "
  "autovacuum_vacuum_cost_delay = 0)",
  "CREATE INDEX jobs_owned ON jobs (owner, id) WHERE owner IS NOT NULL",
  "CREATE INDEX jobs_problem ON jobs (problem, id) WHERE problem IS NOT NULL",
  "CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL",
  "CREATE TABLE events (job uuid NOT NULL, row int NOT NULL, "
  "payload bytea NOT NULL, PRIMARY KEY (job, row)) WITH "
  "(autovacuum_vacuum_insert_scale_factor = 0.05, "
  "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)",
  "CREATE TABLE idempotency_keys (flow text NOT NULL, key bytea NOT NULL, "
  "job uuid NOT NULL, fingerprint bytea NOT NULL, expires bigint NOT NULL, "
  "PRIMARY KEY (flow, key)) WITH (autovacuum_vacuum_scale_factor = 0.02)",
  "CREATE INDEX idempotency_keys_expire ON idempotency_keys (expires)",
  "CREATE TABLE flow_definitions (version text PRIMARY KEY, "
  "definition bytea NOT NULL)",
  "CREATE TABLE orders (no bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, "
  "node bigint NOT NULL, job uuid NOT NULL, command bytea NOT NULL, "
  "taken boolean NOT NULL DEFAULT false, answer bytea, "
  "posted timestamptz NOT NULL DEFAULT clock_timestamp())",
  "CREATE INDEX orders_open ON orders (node) WHERE NOT taken",
  // Who wants to hear of every event, and the words for them while there are
  // any. A crash of the server may empty both.
  "CREATE UNLOGGED TABLE watchers (node bigint PRIMARY KEY, "
  "until timestamptz NOT NULL)",
  "CREATE UNLOGGED TABLE feed (node bigint NOT NULL, no bigint NOT NULL, "
  "words bytea NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(), "
  "PRIMARY KEY (node, no))",
};

// The first release knows nothing of it, and may run beside: it only adds.
const std::vector<std::string> version_2{
  // Tokens, encrypted: holder is the node that makes the next, until then.
  "CREATE TABLE IF NOT EXISTS shared_values (name text PRIMARY KEY, "
  "version bigint NOT NULL DEFAULT 0, bytes bytea, holder bigint, "
  "until timestamptz, changed timestamptz NOT NULL DEFAULT clock_timestamp())",
  "UPDATE meta SET version = greatest(version, 2)",
};

constexpr int latest = 2;

constexpr std::chrono::minutes clock_apart_max{1};

[[noreturn]] void refuse(const std::string& why) {
  throw failure{why, {}, false};
}

} // namespace

void prepare_session(connection& on, const std::string& schema) {
  on.run({"SET search_path = " + schema, "SET synchronous_commit = on",
          // Plans that are made while the tables are empty would read them
          // whole once they are not.
          "SET plan_cache_mode = force_generic_plan",
          "SET enable_seqscan = off", "SET enable_hashjoin = off",
          "SET enable_mergejoin = off", "SET jit = off",
          "SET lock_timeout = '2s'",
          "SET idle_in_transaction_session_timeout = '5s'",
          // So the server ends what a vanished machine had open.
          "SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 2",
          "SET tcp_keepalives_count = 3", "SET tcp_user_timeout = 10000",
          "SET client_min_messages = warning"});
}

void expect_fit(connection& on) {
  if (std::stoi(on.ask("SHOW server_version_num")) < 130'000)
    refuse("the database is older than PostgreSQL 13; trying again does not "
           "help");
  expect_primary(on);
  for (const auto* each : {"fsync", "full_page_writes"})
    if (on.ask(std::string{"SHOW "} + each) != "on")
      refuse(std::string{"the database has "} + each
             + " off, so that a crash would lose jobs; trying again does not "
               "help, switch it on");
  if (on.ask("SHOW synchronous_commit") != "on")
    refuse("synchronous_commit cannot be set to on, so that a crash would lose "
           "jobs; trying again does not help");
  // Ids of jobs begin with the time, and lists are sorted by them.
  const auto theirs = std::chrono::milliseconds{std::stoll(on.ask(
    "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8"))};
  const auto apart =
    std::chrono::abs(std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                     - theirs);
  if (apart > clock_apart_max)
    refuse("the clock of this machine and that of the database are "
           + std::to_string(apart.count() / 1'000)
           + " s apart; trying again helps once they are set");
}

void migrate(connection& on, const std::string& schema) {
  // One pipeline is one transaction; whoever comes second waits for the first
  // in the catalog and finds it done.
  if (on.ask("SELECT count(*) FROM pg_namespace WHERE nspname = '" + schema
             + "'")
      == "0") {
    std::vector<std::string> all{"CREATE SCHEMA " + schema,
                                 "SET LOCAL search_path = " + schema};
    all.insert(all.end(), version_1.begin(), version_1.end());
    try {
      on.run(all);
    } catch (const failure& failed) {
      constexpr std::array<std::string_view, 2> made_meanwhile{"42P06",
                                                               "23505"};
      if (failed.sql_state != made_meanwhile[0]
          && failed.sql_state != made_meanwhile[1])
        throw;
    }
  }
  const auto oldest = on.ask("SELECT oldest FROM " + schema + ".meta");
  if (oldest.empty() || std::stoi(oldest) > latest)
    refuse("the journal is of a newer release; trying again does not help, "
           "nothing was changed");
  const auto version = on.ask("SELECT version FROM " + schema + ".meta");
  if (std::stoi(version) >= latest)
    return;
  std::vector<std::string> all{"SET LOCAL search_path = " + schema,
                               "SELECT version FROM meta FOR UPDATE"};
  all.insert(all.end(), version_2.begin(), version_2.end());
  on.run(all);
}

void expect_own_sessions(connection& one, connection& other) {
  const auto session_of = [](connection& on) {
    return on.ask("SELECT pg_backend_pid()::text");
  };
  const auto first = session_of(one);
  if (session_of(other) == first || session_of(one) != first)
    refuse("a pooler lends sessions of the database for a transaction only; "
           "trying again does not help, set it to session mode "
           "(pool_mode = session) or connect to the database itself");
}

void expect_primary(connection& on) {
  if (on.ask("SELECT pg_is_in_recovery()::text") != "false")
    refuse("the database is a standby; trying again helps once it is a "
           "primary");
}

} // namespace handoff::postgres
