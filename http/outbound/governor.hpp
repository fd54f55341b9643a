#pragma once

#include "actors/turns.hpp"
#include "http/outbound/fair_turns.hpp"
#include "http/outbound/outbound_options.hpp"
#include "job/exchange.hpp"
#include "job/foresight.hpp"
#include "job/lease_rules.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
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
  not_now, ///< the host answered that it takes no more calls for now (429)
  unknown, ///< the call was given up by this side
  unused,  ///< the turn was given back without a call
};

/// What `done` says about its host: lost connections, time-outs, names and
/// connections that fail, and answers of 502, 503 and 504 are failures.
call_outcome outcome_of(const exchange& done) noexcept;

/// Decides when each call may start. For each host: a number of calls in
/// flight, of which a share is kept for clones; a rate (a token bucket that
/// holds one second's worth); pauses that it asked for; a circuit breaker for
/// each class of calls, so that sub-actions that fail hold up no clone; fair
/// turns between jobs.
///
/// Clones go before sub-actions, but after eight clones in a row that went
/// before a waiting sub-action, one sub-action has its turn.
///
/// After a pause one call goes first. Each answer lets one more be in flight,
/// and each quarter of a second twice as many, until the host's limit is
/// reached: what has piled up does not come at once.
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

  /// Queues `call`, a number not in use, for `host`, without an end.
  void submit(std::uint64_t call, std::string_view host, call_class purpose,
              std::string_view job, time_point now);

  /// A call that waits does not any more. False if it does not wait.
  bool withdraw(std::uint64_t call, time_point now);

  /// The calls that start now, in their order. Each counts as in flight until
  /// it is `finished`. `has_place` is asked before each, if it is not null: it
  /// has one for the call then, or the call is put off and with it all of its
  /// host. `next_wakeup` does not tell when there will be one.
  std::vector<std::uint64_t>
  take_ready(time_point now, const std::function<bool()>& has_place = nullptr);

  /// Whether calls are put off.
  bool puts_off() const noexcept { return !put_off_.empty(); }

  /// A call that started is over.
  void finished(std::uint64_t call, call_outcome outcome, time_point now);

  /// No call to `host` starts before `until`.
  void pause(std::string_view host, time_point until, time_point now);

  /// The upstreams that have limits of their own, by name; the others have
  /// those of all.
  void set_limits(std::map<std::string, governor_options, std::less<>> own,
                  time_point now);

  /// This process has only its part of all limits that are shared from now on;
  /// nothing of them while the part is not usable.
  void set_share(const lease_share& share, time_point now);

  /// Whether no more calls are in flight than this process has a part in. What
  /// was in flight when its part became smaller may still be. O(hosts).
  bool keeps_to_limits() const;

  /// Whether `host` lacks the token that each of its calls needs: none starts
  /// until it has one.
  void set_token_missing(std::string_view host, bool is_missing,
                         time_point now);

  /// Whether calls wait for `host`.
  bool has_waiting(std::string_view host) const;

  /// What keeps those that wait for a call of this class from it; none if
  /// nobody waits.
  std::optional<turn_obstacle>
  obstacle(std::string_view host, call_class purpose, time_point now) const;

  /// When `take_ready` may next have something without another call being
  /// submitted or finished. Nothing if never.
  std::optional<time_point> next_wakeup() const;

  std::size_t waiting() const noexcept { return waiting_.size(); }

  std::vector<upstream_counts> counts() const;

  /// What `host` gives clones now. O(1).
  clone_room room_for_clones(std::string_view host, time_point now) const;

private:
  struct upstream;

  struct waiting_call {
    upstream* host;
    call_class purpose;
    fair_turns::place place;
    bool put_off = false;
  };

  /// Not by the pointers: the same calls start in the same order in each run.
  struct by_time_and_name {
    using wakeup = std::pair<time_point, upstream*>;
    bool operator()(const wakeup& left, const wakeup& right) const;
  };

  struct running_call {
    upstream* host;
    call_class purpose;
    time_point since;
    std::uint64_t ramp; ///< since which pause
  };

  using waiting_line = std::unordered_map<std::uint64_t, waiting_call>;

  upstream& host_for(std::string_view name, time_point now);
  void forget_idle(time_point now);
  void mark(upstream& host);
  void tell_breaker(const upstream& host, std::string_view before) const;
  /// Whose turn it is; nothing if none that waits may go now.
  std::optional<call_class> next_of(upstream& host, time_point now);
  void mark_idle(upstream& host, time_point now);
  void wake_at(upstream& host, std::optional<time_point> when);
  void start_from(upstream& host, time_point now,
                  const std::function<bool()>& has_place,
                  std::vector<std::uint64_t>& ready);
  void put_off(upstream& host, call_class purpose);
  static void hold(upstream& host, time_point until, time_point now);
  bool is_put_off(const upstream& host) const;

  /// Of all processes that share them.
  const governor_options& whole_limits_of(std::string_view name) const;
  std::size_t calls_of(const governor_options& whole) const;
  double rate_of(const governor_options& whole) const;
  governor_options limits_of(std::string_view name) const;
  void limit_all(time_point now);

  governor_options options_;
  lease_share share_;
  std::optional<time_point> joined_; ///< others, with which limits are shared
  std::map<std::string, governor_options, std::less<>> own_limits_;
  std::unordered_map<std::string_view, std::unique_ptr<upstream>> hosts_;
  waiting_line waiting_;
  std::unordered_map<std::uint64_t, running_call> running_;
  std::set<std::pair<time_point, upstream*>, by_time_and_name> wakeups_;
  std::vector<upstream*> marked_;    ///< where something may start
  std::vector<upstream*> looked_at_; ///< empty but for its room
  std::vector<upstream*> put_off_;   ///< ... once there is a place for it
  std::list<upstream*> idle_;        ///< longest idle first
};

} // namespace handoff
