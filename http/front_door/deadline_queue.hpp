#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

/// Who is due when. One time a key; setting a key again replaces its time.
/// Pure: time is passed in. `set`, `erase` and each key taken cost O(log n).
class deadline_queue {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using key = std::uint64_t;

  void set(key who, time_point when) {
    erase(who);
    times_.emplace(who, when);
    order_.emplace(when, who);
  }

  /// Does nothing if `who` has no time.
  void erase(key who) {
    const auto found = times_.find(who);
    if (found == times_.end())
      return;
    order_.erase({found->second, who});
    times_.erase(found);
  }

  std::optional<time_point> earliest() const {
    if (order_.empty())
      return std::nullopt;
    return order_.begin()->first;
  }

  /// Removes and returns those that are due at `now`, the earliest first.
  std::vector<key> take_due(time_point now) {
    std::vector<key> due;
    while (!order_.empty() && order_.begin()->first <= now) {
      due.push_back(order_.begin()->second);
      times_.erase(due.back());
      order_.erase(order_.begin());
    }
    return due;
  }

private:
  std::set<std::pair<time_point, key>> order_;
  std::unordered_map<key, time_point> times_;
};

} // namespace handoff
