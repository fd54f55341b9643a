#pragma once

#include <csignal>
#include <string>
#include <sys/types.h>
#include <vector>

namespace handoff {

/// A PostgreSQL of this program's own, with fsync on, in a directory that is
/// gone with it; reached by a unix socket only. The machine's service is not
/// used. Runs as an unprivileged user, as it refuses root.
class postgres_cluster {
public:
  static bool is_installed();

  /// The one of this program, begun when it is first asked for.
  static postgres_cluster& get();

  postgres_cluster(const postgres_cluster&) = delete;
  postgres_cluster& operator=(const postgres_cluster&) = delete;
  ~postgres_cluster();

  /// For the database "postgres".
  std::string uri() const { return uri("postgres"); }

  std::string uri(const std::string& database) const;

  /// The socket that it listens on.
  std::string socket() const { return directory_ + "/.s.PGSQL.5432"; }

  /// A database that nobody has used yet; gives its name.
  std::string make_database();

  /// Each file of a cluster that has crashed costs its next start a sync.
  void drop_database(const std::string& name);

  /// Runs one statement.
  void run(const std::string& sql, const std::string& database = "postgres");

  /// The first value of its answer.
  std::string ask(const std::string& sql,
                  const std::string& database = "postgres");

  /// A standby of it, which follows it; gives its URI. It ends with this.
  std::string start_standby();

  static bool has_pooler();

  /// A pgbouncer before it, in this mode ("session" or "transaction"); gives
  /// the URI of a database through it. It ends with this.
  std::string start_pooler(const std::string& mode,
                           const std::string& database);

  /// Changes a setting of the server for whoever connects from now on.
  void set(const std::string& name, const std::string& value);

  /// Ends it as a crash would, and begins it again.
  void crash_and_restart();

  /// Ends it as a crash would, for now.
  void crash() { stop(SIGQUIT); }

  void start();

private:
  explicit postgres_cluster(std::string programs);

  void stop(int signal);

  std::string programs_;
  std::string directory_;
  void await(const std::string& directory, pid_t server) const;

  pid_t server_ = -1;
  pid_t standby_ = -1;
  std::vector<pid_t> poolers_;
};

} // namespace handoff
