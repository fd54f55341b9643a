#pragma once

#include "http/outbound/call_limits.hpp"
#include "http/outbound/fair_turns.hpp"
#include "http/outbound/governor.hpp"
#include "http/outbound/sub_action_ramp.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// What the governor knows of one host.
struct governor::upstream {
  /// What is known of the calls of one class.
  struct line {
    fair_turns waiting;
    std::size_t calls = 0; ///< in flight
    circuit_breaker breaker;
    time_point last_turn; ///< or when the first of those that wait came
  };

  upstream(std::string_view host, const governor_options& its, time_point now)
      : name{host}, bucket{its.rate, now} {
    limit(its, now);
  }

  void limit(const governor_options& its, time_point now) {
    limits = its;
    limits.max_calls = std::max<std::size_t>(1, its.max_calls);
    limits.breaker_changed = nullptr;
    sub_actions_max = sub_action_calls(limits);
    bucket.set_rate(its.rate, now);
  }

  line& of(call_class purpose) {
    return purpose == call_class::clone ? clones : sub_actions;
  }

  const line& of(call_class purpose) const {
    return purpose == call_class::clone ? clones : sub_actions;
  }

  std::size_t waiting() const {
    return clones.waiting.size() + sub_actions.waiting.size();
  }

  std::size_t in_flight() const { return clones.calls + sub_actions.calls; }

  /// That of the class which is worse off.
  const circuit_breaker& breaker() const {
    return sub_actions.breaker.rank() > clones.breaker.rank()
           ? sub_actions.breaker
           : clones.breaker;
  }

  std::string name;
  governor_options limits;
  std::size_t sub_actions_max = 1; ///< in flight, by the limits
  sub_action_ramp sub_actions_ramp;
  bool lacks_token = false;
  time_point lacks_token_since;
  line clones;
  line sub_actions;
  int clones_in_a_row = 0; ///< that went before a waiting sub-action
  token_bucket bucket;
  time_point paused_since;
  time_point paused_until;
  ramp_after_pause ramp;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::uint64_t put_off = 0;
  call_times times;
  bool marked = false;
  std::optional<time_point> wakeup;
  std::optional<std::list<upstream*>::iterator> idle;
  time_point idle_since;
};

} // namespace handoff
