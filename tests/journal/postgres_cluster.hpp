#pragma once

#include <string>
#include <sys/types.h>

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
  std::string uri() const;

  /// Runs one statement.
  void run(const std::string& sql);

  /// Changes a setting of the server for whoever connects from now on.
  void set(const std::string& name, const std::string& value);

  /// Ends it as a crash would, and begins it again.
  void crash_and_restart();

private:
  explicit postgres_cluster(std::string programs);

  void start();
  void stop(int signal);

  std::string programs_;
  std::string directory_;
  pid_t server_ = -1;
};

} // namespace handoff
