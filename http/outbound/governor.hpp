#pragma once

#include "http/outbound/fair_turns.hpp"
#include "http/outbound/outbound_options.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"
#include "job/foresight.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

/// What a call said about the health of its host.
enum class call_outcome {
  success, ///< the host answered, whatever it thinks of the request
  failure, ///< the host could not be reached, was lost, or is unwell
  unknown, ///< the call was given up by this side
};

/// What `done` says about its host: lost connections, time-outs, names and
/// connections that fail, and answers of 502, 503 and 504 are failures.
call_outcome outcome_of(const exchange& done) noexcept;

/// A waiting call whose patience ended, and what it ends as.
struct expired_call {
  std::uint64_t call = 0;
  error_kind kind = error_kind::overloaded;

  friend bool operator==(const expired_call&, const expired_call&) = default;
};

/// Decides when each call may start. For each host: a number of calls in
/// flight, of which a share is kept for clones; a rate (a token bucket that
/// holds a tenth of a second); a circuit breaker; fair turns between jobs.
///
/// Clones go before sub-actions, but after eight clones in a row that went
/// before a waiting sub-action, one sub-action has its turn.
///
/// Pure: time comes from outside and must not go backwards. Not thread-safe.
/// An operation is O(log n) in the waiting calls and in the known hosts.
class governor {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit governor(governor_options options);
  ~governor();

  governor(const governor&) = delete;
  governor& operator=(const governor&) = delete;

  /// Queues `call`, a number not in use, for `host` until `patience_until`,
  /// while it drains until `awaited_until` at the latest. False if too many
  /// wait already: the call ends as `overloaded`.
  bool submit(std::uint64_t call, std::string_view host, call_class purpose,
              std::string_view job, time_point now, time_point patience_until,
              time_point awaited_until);

  /// The calls that start now, in their order. Each counts as in flight until
  /// it is `finished`. `has_place` is asked before each, if it is not null: it
  /// has one for the call then, or the call is put off and with it all of its
  /// host. `next_wakeup` does not tell when there will be one.
  std::vector<std::uint64_t>
  take_ready(time_point now, const std::function<bool()>& has_place = nullptr);

  /// The waiting calls whose patience has ended: as `breaker_open` where the
  /// breaker is not closed, else as `overloaded`.
  std::vector<expired_call> take_expired(time_point now);

  /// From now on a call that no sender waits for does not wait for a turn that
  /// would not come at once: those that do are what `take_expired` gives next.
  void drain();

  /// A call that started is over.
  void finished(std::uint64_t call, call_outcome outcome, time_point now);

  /// When `take_ready` or `take_expired` may next have something without
  /// another call being submitted or finished. Nothing if never.
  std::optional<time_point> next_wakeup() const;

  std::size_t waiting() const noexcept { return waiting_.size(); }

  std::vector<upstream_counts> counts() const;

  /// What `host` gives clones now. O(1).
  clone_room room_for_clones(std::string_view host) const;

private:
  struct upstream;

  struct waiting_call {
    upstream* host;
    call_class purpose;
    fair_turns::place place;
    time_point patience_until;
    time_point awaited_until;
    bool put_off = false;
  };

  struct running_call {
    upstream* host;
    call_class purpose;
    time_point since;
  };

  upstream& host_for(std::string_view name, time_point now);
  void forget_idle(time_point now);
  void mark(upstream& host);
  void tell_breaker(const upstream& host, std::string_view before) const;
  void mark_idle(upstream& host, time_point now);
  void wake_at(upstream& host, std::optional<time_point> when);
  void start_from(upstream& host, time_point now,
                  const std::function<bool()>& has_place,
                  std::vector<std::uint64_t>& ready);
  void put_off(upstream& host, call_class purpose);

  governor_options options_;
  std::size_t sub_action_calls_; ///< sub-actions in flight at the most
  std::unordered_map<std::string_view, std::unique_ptr<upstream>> hosts_;
  std::unordered_map<std::uint64_t, waiting_call> waiting_;
  std::unordered_map<std::uint64_t, running_call> running_;
  std::set<std::pair<time_point, std::uint64_t>> patience_;
  bool draining_ = false;
  std::set<std::pair<time_point, upstream*>> wakeups_;
  std::vector<upstream*> marked_;  ///< where something may start
  std::vector<upstream*> put_off_; ///< ... once there is a place for it
  std::list<upstream*> idle_;      ///< longest idle first
};

} // namespace handoff
