#pragma once

#include "http/outbound/governor.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace handoff {

// What keeps calls of one host back. Pure: time comes from outside and must not
// go backwards.

/// Limits how many calls start per second: a token bucket that gains `rate`
/// tokens per second and holds at most one second's worth. 0 means no limit.
class token_bucket {
public:
  using time_point = governor::time_point;

  token_bucket(double rate, time_point now);

  /// Keeps what it has, as far as it still holds that much: a rate that changes
  /// again and again must not give a full bucket each time.
  void set_rate(double rate, time_point now);

  /// As if all had been taken at `since`.
  void empty(time_point since);

  /// Nothing if a token is there now, else when there will be one.
  std::optional<time_point> wait(time_point now);

  void take() { tokens_ -= 1; }

private:
  void fill(time_point now);

  double rate_;
  double capacity_;
  double tokens_;
  time_point filled_;
};

/// Closed until `failures` in a row; then open for a while; then half-open,
/// until one trial call has closed or opened it.
class circuit_breaker {
public:
  using time_point = governor::time_point;

  /// Nothing if a call may start now; else when one may, `time_point::max()`
  /// for not before the trial is over.
  std::optional<time_point> wait(time_point now) const;

  void started(std::uint64_t call);

  void finished(std::uint64_t call, call_outcome outcome, time_point now,
                const governor_options& options);

  /// The higher, the fewer calls it lets through.
  int rank() const;

  std::size_t failures_in_a_row() const { return failures_; }

  std::optional<time_point> not_closed_since() const {
    return not_closed_since_;
  }

  std::string_view name() const;

private:
  enum class state { closed, open, half_open };

  state state_ = state::closed;
  std::size_t failures_ = 0; ///< in a row
  std::optional<time_point> not_closed_since_;
  time_point open_until_;
  std::optional<std::uint64_t> trial_;
};

/// How many calls may be in flight of those begun after a pause: one until its
/// answer, or for a while, then more and more.
class ramp_after_pause {
public:
  using time_point = governor::time_point;

  void restart(time_point from);

  bool is_full(time_point now, std::size_t max_calls);

  time_point doubles_at() const { return doubles_at_; }

  /// Gives a number that `ended` wants to know.
  std::uint64_t started();

  void ended(std::uint64_t number, bool is_answered);

private:
  static constexpr std::chrono::milliseconds doubles_after{250};

  std::optional<std::size_t> max_; ///< none: any number
  std::size_t in_flight_ = 0;
  std::uint64_t number_ = 0; ///< of pauses
  time_point doubles_at_;
};

/// How many calls of sub-actions the limits of a host allow at once.
std::size_t sub_action_calls(const governor_options& options);

} // namespace handoff
