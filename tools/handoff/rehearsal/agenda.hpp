#pragma once

#include "tools/handoff/rehearsal/draws.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace handoff::rehearsal {

/// Virtual time, and what comes to pass in it outside of the service. What is
/// due at the same instant comes in an order that the seed decides.
class agenda {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit agenda(std::uint64_t seed) : random_{seed} {}

  time_point now() const { return now_; }

  /// Since the beginning.
  std::chrono::milliseconds passed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now_ - begin);
  }

  void at(time_point when, std::function<void()> what) {
    entries_.push({std::max(when, now_), random_.next(), std::move(what)});
  }

  void after(std::chrono::milliseconds time, std::function<void()> what) {
    at(now_ + time, std::move(what));
  }

  /// When something is due next.
  std::optional<time_point> next() const {
    if (entries_.empty())
      return std::nullopt;
    return entries_.top().when;
  }

  /// Time does not go backwards.
  void advance_to(time_point when) { now_ = std::max(now_, when); }

  /// Does one of the things that are due. False if nothing is.
  bool run_one() {
    if (entries_.empty() || entries_.top().when > now_)
      return false;
    // Only its order is const.
    auto what = std::move(const_cast<entry&>(entries_.top()).what);
    entries_.pop();
    what();
    return true;
  }

  std::size_t size() const { return entries_.size(); }

private:
  struct entry {
    time_point when;
    std::uint64_t tie;
    std::function<void()> what;

    friend bool operator<(const entry& left, const entry& right) {
      return std::pair{right.when, right.tie} < std::pair{left.when, left.tie};
    }
  };

  draws random_;
  // Not the epoch, which some take for "never".
  static constexpr time_point begin{std::chrono::hours{1}};

  time_point now_ = begin;
  std::priority_queue<entry> entries_;
};

} // namespace handoff::rehearsal
