#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace handoff {

/// What a node may conclude from its lease and from those of others. Times are
/// of CLOCK_BOOTTIME: it goes on while the machine sleeps, and nobody sets it.
/// Clocks of two machines are never compared.
using boot_time = std::chrono::nanoseconds;

/// A node's own lease. The others may take its jobs over once it has run out;
/// so from three quarters of it on the node begins nothing, and the last
/// quarter is for what is on its way.
class own_lease {
public:
  explicit own_lease(std::chrono::nanoseconds length) : length_{length} {}

  /// A renewal that was sent at `sent` has succeeded. The other nodes count the
  /// lease from `sent` or later.
  void renewed(boot_time sent);

  /// From when on nothing may begin, unless it is renewed before.
  boot_time doubtful_from() const { return last_ + length_ / 4 * 3; }

  bool holds(boot_time now) const { return now < doubtful_from(); }

  /// Whether it has held for a whole length without a gap. Only then others
  /// may be declared dead: after an outage of the database all have the time
  /// to renew.
  bool is_settled(boot_time now) const {
    return holds(now) && now - since_ >= length_;
  }

private:
  std::chrono::nanoseconds length_;
  boot_time last_ = boot_time::min() / 2;
  boot_time since_ = boot_time::min() / 2;
};

/// Whose leases are not renewed, as one node sees it by its own clock.
class lease_watch {
public:
  /// The node has renewed its lease so often.
  void saw(std::int64_t node, std::int64_t renewals, boot_time now);

  /// Whether that has not changed for `length`.
  bool is_silent(std::int64_t node, std::chrono::nanoseconds length,
                 boot_time now) const;

  void forget(std::int64_t node) { seen_.erase(node); }

private:
  struct sight {
    std::int64_t renewals;
    boot_time since;
  };

  std::map<std::int64_t, sight> seen_;
};

/// A node that others share limits with.
struct sharing_node {
  std::int64_t number = 0;
  /// The newest node that it leaves room for.
  std::int64_t seen = 0;
};

/// A node's part of what all share.
struct lease_share {
  std::size_t rank = 0;
  std::size_t count = 1;
  /// False until all others leave room for it.
  bool is_usable = true;

  friend bool operator==(const lease_share&, const lease_share&) = default;
};

/// The part of node `me` where `living` are the nodes that live, itself among
/// them or not: it makes room for each newcomer at once, and is given room only
/// once all others do.
lease_share share_of(std::int64_t me, std::span<const sharing_node> living);

/// `whole` as node number `rank` of `count` has it, at least 1: the parts of
/// all add up to it, unless they are more than it.
std::size_t part_of(std::size_t whole, std::size_t rank, std::size_t count);

} // namespace handoff
