#include "job/lease_rules.hpp"

#include <algorithm>

namespace handoff {

void own_lease::renewed(boot_time sent) {
  if (sent >= doubtful_from())
    since_ = sent;
  last_ = std::max(last_, sent);
}

void lease_watch::saw(std::int64_t node, std::int64_t renewals, boot_time now) {
  const auto [known, is_new] = seen_.try_emplace(node, sight{renewals, now});
  if (!is_new && known->second.renewals != renewals)
    known->second = {renewals, now};
}

bool lease_watch::is_silent(std::int64_t node, std::chrono::nanoseconds length,
                            boot_time now) const {
  const auto known = seen_.find(node);
  return known != seen_.end() && now - known->second.since >= length;
}

lease_share share_of(std::int64_t me, std::span<const sharing_node> living) {
  lease_share share{0, 1, true};
  for (const auto& each : living) {
    if (each.number == me)
      continue;
    ++share.count;
    share.rank += each.number < me ? 1 : 0;
    share.is_usable = share.is_usable && (each.number > me || each.seen >= me);
  }
  return share;
}

std::size_t part_of(std::size_t whole, std::size_t rank, std::size_t count) {
  const auto parts = std::max<std::size_t>(1, count);
  return std::max<std::size_t>(1,
                               whole / parts + (rank < whole % parts ? 1 : 0));
}

} // namespace handoff
