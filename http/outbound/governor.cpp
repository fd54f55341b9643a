#include "http/outbound/governor.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace handoff {

namespace {

using time_point = governor::time_point;

/// How long, and how many, hosts without calls are remembered.
constexpr auto idle_max = std::chrono::minutes{10};
constexpr std::size_t idle_hosts_max = 1'024;

/// Calls started a second, smoothly: `rate` tokens a second, a tenth of a
/// second's worth of them saved at the most.
class token_bucket {
public:
  token_bucket(double rate, time_point now)
      : rate_{rate},
        capacity_{std::max(1.0, rate / 10)},
        tokens_{capacity_},
        filled_{now} {}

  /// Nothing if a token is there now, else when there will be one.
  std::optional<time_point> wait(time_point now) {
    if (rate_ <= 0)
      return std::nullopt;
    auto passed = std::chrono::duration<double>{now - filled_}.count();
    tokens_ = std::min(capacity_, tokens_ + passed * rate_);
    filled_ = now;
    // Whoever comes at the time that was announced must find a token,
    // whatever the rounding.
    if (tokens_ >= 1 - 1e-6)
      return std::nullopt;
    auto missing = std::chrono::duration<double>{(1 - tokens_) / rate_};
    return now
         + std::chrono::ceil<std::chrono::steady_clock::duration>(missing);
  }

  void take() { tokens_ -= 1; }

private:
  double rate_;
  double capacity_;
  double tokens_;
  time_point filled_;
};

/// Closed until `failures` in a row; then open for a while; then half-open,
/// until one trial call has closed or opened it.
class circuit_breaker {
public:
  /// Nothing if a call may start now; else when one may, `time_point::max()`
  /// for not before the trial is over.
  std::optional<time_point> wait(time_point now) const {
    if (state_ == state::open && now < open_until_)
      return open_until_;
    if (state_ == state::half_open && trial_)
      return time_point::max();
    return std::nullopt;
  }

  void started(std::uint64_t call) {
    if (state_ == state::closed)
      return;
    state_ = state::half_open;
    trial_ = call;
  }

  void finished(std::uint64_t call, call_outcome outcome, time_point now,
                const governor_options& options) {
    if (state_ != state::closed) {
      // What started before the breaker opened says nothing about now.
      if (trial_ != call)
        return;
      trial_.reset();
    }
    if (outcome == call_outcome::success) {
      state_ = state::closed;
      failures_ = 0;
      not_closed_since_.reset();
    } else if (outcome == call_outcome::failure) {
      ++failures_;
      if (state_ == state::half_open
          || (options.breaker_failures > 0
              && failures_ >= options.breaker_failures)) {
        state_ = state::open;
        open_until_ = now + options.breaker_open;
        if (!not_closed_since_)
          not_closed_since_ = now;
      }
    }
  }

  bool closed() const { return state_ == state::closed; }

  std::size_t failures_in_a_row() const { return failures_; }

  std::optional<time_point> not_closed_since() const {
    return not_closed_since_;
  }

  std::string_view name() const {
    constexpr std::array<std::string_view, 3> names{"closed", "open",
                                                    "half-open"};
    return names[static_cast<std::size_t>(state_)];
  }

private:
  enum class state { closed, open, half_open };

  state state_ = state::closed;
  std::size_t failures_ = 0; ///< in a row
  std::optional<time_point> not_closed_since_;
  time_point open_until_;
  std::optional<std::uint64_t> trial_;
};

std::size_t sub_action_calls(const governor_options& options) {
  auto all = std::max<std::size_t>(1, options.max_calls);
  auto share = std::clamp(options.reserved_for_clones, 0.0, 1.0);
  auto kept =
    static_cast<std::size_t>(std::floor(share * static_cast<double>(all)));
  return std::max<std::size_t>(1, all - std::min(all, kept));
}

} // namespace

call_outcome outcome_of(const exchange& done) noexcept {
  if (!done.failure) {
    auto unwell = done.status >= 502 && done.status <= 504;
    return unwell ? call_outcome::failure : call_outcome::success;
  }
  switch (done.failure->kind) {
  case error_kind::name_not_resolved:
  case error_kind::connect_failed:
  case error_kind::tls_failed:
  case error_kind::attempt_timed_out:
  case error_kind::connection_lost:
    return call_outcome::failure;
  case error_kind::answer_too_large:
  case error_kind::answer_malformed:
    return call_outcome::success;
  default:
    return call_outcome::unknown;
  }
}

struct governor::upstream {
  upstream(std::string_view host, double rate, time_point now)
      : name{host}, bucket{rate, now} {}

  fair_turns& turns(call_class purpose) {
    return purpose == call_class::clone ? clones : sub_actions;
  }

  std::size_t waiting() const { return clones.size() + sub_actions.size(); }

  std::size_t in_flight() const { return clone_calls + sub_action_calls; }

  /// Whose turn it is; nothing if none that waits may go.
  std::optional<call_class> next(std::size_t max_calls,
                                 std::size_t max_sub_action_calls) const {
    if (in_flight() >= max_calls)
      return std::nullopt;
    auto sub_action =
      !sub_actions.empty() && sub_action_calls < max_sub_action_calls;
    if (!clones.empty()
        && !(sub_action && clones_in_a_row >= clones_in_a_row_max))
      return call_class::clone;
    if (sub_action)
      return call_class::sub_action;
    return std::nullopt;
  }

  std::string name;
  fair_turns clones;
  fair_turns sub_actions;
  std::size_t clone_calls = 0;
  std::size_t sub_action_calls = 0;
  int clones_in_a_row = 0; ///< that went before a waiting sub-action
  token_bucket bucket;
  circuit_breaker breaker;
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::uint64_t put_off = 0;
  call_times times;
  bool marked = false;
  std::optional<time_point> wakeup;
  std::optional<std::list<upstream*>::iterator> idle;
  time_point idle_since;
};

void call_times::add(std::chrono::duration<double> took) noexcept {
  const auto at = std::lower_bound(call_time_bounds.begin(),
                                   call_time_bounds.end(), took.count());
  ++classes[static_cast<std::size_t>(at - call_time_bounds.begin())];
  sum += took;
}

governor::governor(governor_options options)
    : options_{options}, sub_action_calls_{sub_action_calls(options)} {
  options_.max_calls = std::max<std::size_t>(1, options_.max_calls);
}

governor::~governor() = default;

bool governor::submit(std::uint64_t call, std::string_view host,
                      call_class purpose, std::string_view job, time_point now,
                      time_point patience_until, time_point awaited_until) {
  if (waiting_.size() >= options_.max_waiting)
    return false;
  if (draining_)
    patience_until = std::min(patience_until, awaited_until);
  auto& at = host_for(host, now);
  auto place = at.turns(purpose).push(call, job);
  waiting_.emplace(
    call, waiting_call{&at, purpose, place, patience_until, awaited_until});
  patience_.emplace(patience_until, call);
  mark(at);
  return true;
}

std::vector<std::uint64_t>
governor::take_ready(time_point now, const std::function<bool()>& has_place) {
  for (auto* host : std::exchange(put_off_, {}))
    mark(*host);
  while (!wakeups_.empty() && wakeups_.begin()->first <= now) {
    auto* host = wakeups_.begin()->second;
    wake_at(*host, std::nullopt);
    mark(*host);
  }
  std::vector<std::uint64_t> ready;
  for (auto* host : std::exchange(marked_, {})) {
    host->marked = false;
    start_from(*host, now, has_place, ready);
    mark_idle(*host, now);
  }
  forget_idle(now);
  return ready;
}

void governor::start_from(upstream& host, time_point now,
                          const std::function<bool()>& has_place,
                          std::vector<std::uint64_t>& ready) {
  wake_at(host, std::nullopt);
  while (auto purpose = host.next(options_.max_calls, sub_action_calls_)) {
    auto wait = host.breaker.wait(now);
    if (!wait)
      wait = host.bucket.wait(now);
    if (wait) {
      if (*wait != time_point::max())
        wake_at(host, wait);
      return;
    }
    if (has_place && !has_place()) {
      put_off(host, *purpose);
      return;
    }
    auto call = host.turns(*purpose).pop();
    auto known = waiting_.find(call);
    patience_.erase({known->second.patience_until, call});
    waiting_.erase(known);
    running_.emplace(call, running_call{&host, *purpose, now});
    if (*purpose == call_class::clone) {
      ++host.clone_calls;
      host.clones_in_a_row =
        host.sub_actions.empty() ? 0 : host.clones_in_a_row + 1;
    } else {
      ++host.sub_action_calls;
      host.clones_in_a_row = 0;
    }
    host.bucket.take();
    const auto before = host.breaker.name();
    host.breaker.started(call);
    tell_breaker(host, before);
    ++host.calls;
    ready.push_back(call);
  }
}

void governor::put_off(upstream& host, call_class purpose) {
  auto& call = waiting_.at(host.turns(purpose).next());
  // Counted once, however often it is put off.
  if (!std::exchange(call.put_off, true))
    ++host.put_off;
  put_off_.push_back(&host);
}

std::vector<expired_call> governor::take_expired(time_point now) {
  std::vector<expired_call> expired;
  while (!patience_.empty() && patience_.begin()->first <= now) {
    auto call = patience_.begin()->second;
    patience_.erase(patience_.begin());
    auto known = waiting_.find(call);
    auto& host = *known->second.host;
    host.turns(known->second.purpose).erase(known->second.place);
    waiting_.erase(known);
    expired.push_back({call, host.breaker.closed() ? error_kind::overloaded
                                                   : error_kind::breaker_open});
    if (host.waiting() == 0)
      wake_at(host, std::nullopt);
    mark_idle(host, now);
  }
  return expired;
}

void governor::drain() {
  draining_ = true;
  for (auto& [call, each] : waiting_) {
    if (each.patience_until <= each.awaited_until)
      continue;
    patience_.erase({each.patience_until, call});
    each.patience_until = each.awaited_until;
    patience_.emplace(each.patience_until, call);
  }
}

void governor::finished(std::uint64_t call, call_outcome outcome,
                        time_point now) {
  auto known = running_.find(call);
  if (known == running_.end())
    return;
  auto& host = *known->second.host;
  if (known->second.purpose == call_class::clone)
    --host.clone_calls;
  else
    --host.sub_action_calls;
  host.times.add(now - known->second.since);
  running_.erase(known);
  if (outcome == call_outcome::failure)
    ++host.failures;
  const auto before = host.breaker.name();
  host.breaker.finished(call, outcome, now, options_);
  tell_breaker(host, before);
  mark(host);
}

void governor::tell_breaker(const upstream& host,
                            std::string_view before) const {
  if (options_.breaker_changed && host.breaker.name() != before)
    options_.breaker_changed(host.name, host.breaker.name());
}

std::optional<time_point> governor::next_wakeup() const {
  if (!marked_.empty())
    return time_point::min();
  std::optional<time_point> next;
  if (!wakeups_.empty())
    next = wakeups_.begin()->first;
  if (!patience_.empty())
    next = next ? std::min(*next, patience_.begin()->first)
                : patience_.begin()->first;
  return next;
}

std::vector<upstream_counts> governor::counts() const {
  std::vector<upstream_counts> all;
  all.reserve(hosts_.size());
  for (const auto& [name, host] : hosts_)
    all.push_back({host->name, host->in_flight(), host->waiting(), host->calls,
                   host->failures, std::string{host->breaker.name()},
                   host->breaker.failures_in_a_row(),
                   host->breaker.not_closed_since(), host->times,
                   host->put_off});
  return all;
}

clone_room governor::room_for_clones(std::string_view host) const {
  clone_room room{0, options_.max_calls, options_.rate};
  if (const auto known = hosts_.find(host); known != hosts_.end()) {
    const auto& at = *known->second;
    room.under_way = at.clone_calls;
    room.slots -= std::min(at.sub_action_calls, room.slots - 1);
  }
  return room;
}

governor::upstream& governor::host_for(std::string_view name, time_point now) {
  if (auto known = hosts_.find(name); known != hosts_.end()) {
    auto& host = *known->second;
    if (host.idle)
      idle_.erase(*std::exchange(host.idle, std::nullopt));
    return host;
  }
  auto made = std::make_unique<upstream>(name, options_.rate, now);
  auto& host = *made;
  hosts_.emplace(host.name, std::move(made));
  return host;
}

void governor::forget_idle(time_point now) {
  while (!idle_.empty()
         && (idle_.size() > idle_hosts_max
             || now - idle_.front()->idle_since >= idle_max)) {
    auto* host = idle_.front();
    idle_.pop_front();
    // The key lives in the host: it must not be read once the host is gone.
    auto gone = hosts_.extract(host->name);
  }
}

void governor::mark(upstream& host) {
  if (std::exchange(host.marked, true))
    return;
  marked_.push_back(&host);
}

void governor::mark_idle(upstream& host, time_point now) {
  if (host.idle || host.marked || host.waiting() > 0 || host.in_flight() > 0)
    return;
  host.idle_since = now;
  host.idle = idle_.insert(idle_.end(), &host);
}

void governor::wake_at(upstream& host, std::optional<time_point> when) {
  if (host.wakeup)
    wakeups_.erase({*host.wakeup, &host});
  host.wakeup = when;
  if (when)
    wakeups_.emplace(*when, &host);
}

} // namespace handoff
