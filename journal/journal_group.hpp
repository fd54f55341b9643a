#pragma once

#include "job/event.hpp"
#include "job/lease_rules.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace handoff {

/// Of an owner of a shared journal, which operators call a node.
enum class node_state : std::uint8_t {
  working,
  leaving, ///< it takes nothing more and ends in order
  dead,    ///< its jobs are anybody's, and it writes nothing any more
};

/// "working", "leaving" or "dead".
std::string_view name(node_state state) noexcept;

/// An owner of a shared journal as all others see it.
struct node_summary {
  std::int64_t number = 0;
  std::string name;
  node_state state = node_state::working;
  std::string version; ///< its release
  wall_time started;
  /// Until it may be declared dead; 0 for one that is.
  std::chrono::milliseconds lease_left{0};
  std::uint64_t jobs = 0; ///< that it works on, or that nobody took over yet
};

/// How an owner of a shared journal fares, as it sees it itself.
struct group_measures {
  /// Until others may take its jobs over; 0 if they may.
  std::chrono::milliseconds lease_left{0};
  std::uint64_t working = 0; ///< owners, at the last look
  std::uint64_t leaving = 0;
  std::uint64_t dead = 0; ///< of which something is left
  /// Since it began: how often its lease was in doubt, how many others it
  /// declared dead, and how many jobs it took up that were another's.
  std::uint64_t doubts = 0;
  std::uint64_t declared_dead = 0;
  std::uint64_t taken_over = 0;
};

/// Whom an owner's group tells of what others do. Called on a thread of the
/// journal; must not block.
struct group_listener {
  /// This owner was declared dead: it has to end.
  std::function<void()> fenced = {};
  /// Its share is another one now.
  std::function<void(const lease_share&)> shared = {};
  /// Whether no more is under way here than its share allows for: a newcomer
  /// has room only then.
  std::function<bool()> keeps_to_share = {};
  /// Whether somebody here wants to hear what others tell.
  std::function<bool()> listens = {};
  /// What another owner told, as it told it.
  std::function<void(const std::string& words)> heard = {};
  /// Something that an operator should know.
  std::function<void(const std::string& what)> warn = {};
};

/// What an owner of a shared journal has in common with the others. Each owner
/// holds a lease; one that lets it run out is declared dead. Thread-safe.
class journal_group {
public:
  virtual ~journal_group() = default;

  /// Whether this owner may begin anything: its lease is good for another
  /// quarter, by CLOCK_BOOTTIME, counted from when its last renewal was sent.
  /// What is under way may go on in any case. Never waits.
  virtual bool holds() const noexcept = 0;

  /// Never waits.
  virtual group_measures measures() const = 0;

  /// Replaces the previous listener.
  virtual void follow(group_listener listener) = 0;

  /// Tells the others that this owner takes nothing more.
  virtual void leave() = 0;

  /// Whether another owner wants to hear what this one tells.
  virtual bool is_heard() const noexcept = 0;

  /// Tells those who want to hear it, soon; forgets it where that is too much.
  virtual void tell(std::string words) = 0;
};

} // namespace handoff
