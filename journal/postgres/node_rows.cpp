#include "journal/postgres/node_rows.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace handoff::postgres {
namespace {

const std::array statements{
  statement{"node_enter",
            "WITH made AS (INSERT INTO nodes (state, name, boot, process, "
            "release, writer) VALUES (1, $1::text, $2::text, $3::text, "
            "$4::text, pg_backend_pid()) RETURNING no) "
            "INSERT INTO leases (node, until, length, seen) SELECT no, "
            "clock_timestamp() + $5::int8 * interval '1 ms', $5, no FROM made "
            "RETURNING node"},
  statement{"node_before",
            "SELECT no, process FROM nodes WHERE state < 3 AND no < $1::int8 "
            "AND name = $2::text AND boot = $3::text"},
  // FOR UPDATE first: a plain update does not exclude the fence's lock.
  statement{"node_bury",
            "WITH victim AS MATERIALIZED (SELECT no FROM nodes WHERE no = "
            "$1::int8 AND state < 3 FOR UPDATE) UPDATE nodes n SET state = 3, "
            "ended = clock_timestamp() FROM victim WHERE n.no = victim.no "
            "RETURNING n.writer::int8"},
  statement{"node_declare",
            "WITH victim AS MATERIALIZED (SELECT no FROM nodes WHERE no = "
            "$1::int8 AND state < 3 FOR UPDATE), expired AS MATERIALIZED "
            "(SELECT l.node FROM victim JOIN leases l ON l.node = victim.no "
            "WHERE l.until < clock_timestamp() FOR UPDATE OF l) "
            "UPDATE nodes n SET state = 3, ended = clock_timestamp() FROM "
            "expired WHERE n.no = expired.node RETURNING n.writer::int8"},
  // Only one that waits for its client: never one that waits for a standby.
  statement{"node_backend",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
            "pid = $1::int8 AND application_name = 'handoff ' || $2::int8 AND "
            "wait_event = 'ClientRead'"},
  // A commit of the node and its renewal do not wait for each other.
  statement{"node_renew",
            "WITH held AS MATERIALIZED (SELECT no FROM nodes WHERE no = "
            "$1::int8 AND state < 3 FOR KEY SHARE) UPDATE leases l SET "
            "until = clock_timestamp() + $2::int8 * interval '1 ms', "
            "renewals = renewals + 1, seen = greatest(seen, $3::int8) FROM "
            "held WHERE l.node = held.no RETURNING l.renewals"},
  statement{"node_look",
            "SELECT n.no, n.state::int8, coalesce(l.renewals, 0), "
            "coalesce(l.length, 0), coalesce(l.until < clock_timestamp(), "
            "true)::int::int8, coalesce(l.seen, 0) FROM nodes n LEFT JOIN "
            "leases l ON l.node = n.no WHERE n.state < 4 ORDER BY n.no"},
  statement{"node_session",
            "WITH mine AS MATERIALIZED (SELECT no FROM nodes WHERE no = "
            "$1::int8 FOR UPDATE) UPDATE nodes n SET session = session + 1, "
            "writer = pg_backend_pid() FROM mine WHERE n.no = mine.no "
            "RETURNING n.session::int8"},
  statement{"node_leave", "UPDATE nodes SET state = 2 WHERE no = $1::int8 AND "
                          "state = 1"},
  statement{"node_gone",
            "UPDATE nodes SET state = 4, ended = clock_timestamp() WHERE "
            "state = 3 AND NOT EXISTS (SELECT 1 FROM jobs WHERE owner = "
            "nodes.no)"},
  statement{"node_forget",
            "WITH old AS (DELETE FROM nodes WHERE state = 4 AND ended < "
            "clock_timestamp() - interval '1 hour' RETURNING no) "
            "DELETE FROM leases USING old WHERE node = old.no"},
};

std::string line_of(const char* file) {
  std::ifstream stream{file};
  std::string line;
  std::getline(stream, line);
  return line;
}

std::string process_namespace() {
  struct stat found {};

  return ::stat("/proc/self/ns/pid", &found) == 0 ? std::to_string(found.st_ino)
                                                  : std::string{"none"};
}

/// When the process began, in ticks since the start of the machine; empty: it
/// does not live (proc(5), field 22 of stat).
std::string begin_of(const std::string& process) {
  const auto line = line_of(("/proc/" + process + "/stat").c_str());
  // What stands before may have blanks in it.
  auto at = line.rfind(')');
  for (int field = 2; at != std::string::npos && field < 22; ++field)
    at = line.find(' ', at + 1);
  if (at == std::string::npos)
    return {};
  return line.substr(at + 1, line.find(' ', at + 1) - at - 1);
}

} // namespace

node_identity this_node(std::string name, std::string release) {
  if (name.empty()) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    name = host.data();
  }
  return {std::move(name),
          line_of("/etc/machine-id") + "/"
            + line_of("/proc/sys/kernel/random/boot_id"),
          process_namespace() + ":" + std::to_string(::getpid()) + ":"
            + begin_of("self"),
          std::move(release)};
}

std::optional<bool> is_alive(std::string_view process) {
  const auto first = process.find(':');
  const auto second = process.rfind(':');
  if (first == std::string_view::npos || second == first
      || process.substr(0, first) != process_namespace())
    return std::nullopt;
  return begin_of(std::string{process.substr(first + 1, second - first - 1)})
      == process.substr(second + 1);
}

node_rows::node_rows(connection& on) : on_{on} {
  on_.prepare(statements);
}

std::int64_t node_rows::enter(const node_identity& who,
                              std::chrono::milliseconds lease) {
  const auto number =
    on_
      .query(named(statements, "node_enter"), parameters{}
                                                .bytes(who.name)
                                                .bytes(who.boot)
                                                .bytes(who.process)
                                                .bytes(who.release)
                                                .integer(lease.count()))
      .integer(0, 0);
  on_.run({"SET application_name = 'handoff " + std::to_string(number) + "'"});
  return number;
}

void node_rows::bury_predecessors(std::int64_t number,
                                  const node_identity& who) {
  const auto found =
    on_.query(named(statements, "node_before"),
              parameters{}.integer(number).bytes(who.name).bytes(who.boot));
  for (int row = 0; row < found.count(); ++row) {
    if (is_alive(found.bytes(row, 1)).value_or(false))
      continue;
    const auto victim = found.integer(row, 0);
    const auto buried =
      on_.query(named(statements, "node_bury"), parameters{}.integer(victim));
    if (buried.count() > 0)
      end_backend(victim, buried.integer(0, 0));
  }
}

std::int64_t node_rows::raise_session(std::int64_t number) {
  const auto raised =
    on_.query(named(statements, "node_session"), parameters{}.integer(number));
  on_.run({"SET application_name = 'handoff " + std::to_string(number) + "'"});
  return raised.count() > 0 ? raised.integer(0, 0) : 0;
}

bool node_rows::renew(std::int64_t number, std::chrono::milliseconds lease,
                      std::int64_t seen) {
  return on_
           .query(
             named(statements, "node_renew"),
             parameters{}.integer(number).integer(lease.count()).integer(seen))
           .count()
       > 0;
}

std::vector<node_row> node_rows::look() {
  const auto found = on_.query(named(statements, "node_look"), {});
  std::vector<node_row> all;
  for (int row = 0; row < found.count(); ++row)
    all.push_back(
      {found.integer(row, 0), static_cast<int>(found.integer(row, 1)),
       found.integer(row, 2), std::chrono::milliseconds{found.integer(row, 3)},
       found.integer(row, 4) != 0, found.integer(row, 5)});
  return all;
}

bool node_rows::declare_dead(std::int64_t number) {
  const auto buried =
    on_.query(named(statements, "node_declare"), parameters{}.integer(number));
  if (buried.count() == 0)
    return false;
  end_backend(number, buried.integer(0, 0));
  return true;
}

void node_rows::end_backend(std::int64_t number, std::int64_t process) {
  try {
    on_.query(named(statements, "node_backend"),
              parameters{}.integer(process).integer(number));
  } catch (const failure& why) {
    if (why.is_lost)
      throw;
    // Where that is not allowed, what it has locked is left out until the
    // server ends it.
  }
}

void node_rows::leave(std::int64_t number) {
  on_.query(named(statements, "node_leave"), parameters{}.integer(number));
}

void node_rows::end(std::int64_t number) {
  on_.query(named(statements, "node_bury"), parameters{}.integer(number));
}

void node_rows::tidy() {
  on_.add(named(statements, "node_gone"), {});
  on_.add(named(statements, "node_forget"), {});
  on_.sync();
}

} // namespace handoff::postgres
