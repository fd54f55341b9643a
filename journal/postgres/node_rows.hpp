#pragma once

#include "journal/postgres/handle.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::postgres {

/// Where a node's process is: what tells those that come after it on the same
/// machine whether it can still live.
struct node_identity {
  std::string name;
  /// Of the machine and its start (/etc/machine-id and
  /// /proc/sys/kernel/random/boot_id).
  std::string boot;
  /// Its namespace of processes, its number there, and when it began.
  std::string process;
  std::string release;
};

/// Of this process. `name` empty: that of the host.
node_identity this_node(std::string name, std::string release);

/// Whether a process that said so of itself lives. None: it is in a namespace
/// that this one does not see into.
std::optional<bool> is_alive(std::string_view process);

/// What all nodes know of one.
struct node_row {
  std::int64_t number = 0;
  int state = 0;
  std::int64_t renewals = 0;
  std::chrono::milliseconds length{0};
  bool has_expired = false; ///< by the clock of the database
  std::int64_t seen = 0;
};

/// The rows of nodes and their leases, on a connection that has its session
/// prepared. All throw `failure`.
class node_rows {
public:
  explicit node_rows(connection& on);

  /// Adds a node that works, with its lease; gives its number.
  std::int64_t enter(const node_identity& who, std::chrono::milliseconds lease);

  /// Declares dead those of the same name on the same boot whose processes do
  /// not live.
  void bury_predecessors(std::int64_t number, const node_identity& who);

  /// The connection is the node's writer from now on: waits for what an earlier
  /// one has under way, and what that one sent besides fails at the fence.
  std::int64_t raise_session(std::int64_t number);

  /// False: it was declared dead.
  bool renew(std::int64_t number, std::chrono::milliseconds lease,
             std::int64_t seen);

  std::vector<node_row> look();

  /// Declares it dead if its lease has run out; false if it has not, or if
  /// another was faster.
  bool declare_dead(std::int64_t number);

  void leave(std::int64_t number);
  void end(std::int64_t number);

  /// Puts those away of which nothing is left.
  void tidy();

private:
  void end_backend(std::int64_t number, std::int64_t process);

  connection& on_;
};

} // namespace handoff::postgres
