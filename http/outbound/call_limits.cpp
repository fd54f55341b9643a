#include "http/outbound/call_limits.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace handoff {

token_bucket::token_bucket(double rate, time_point now)
    : rate_{rate},
      capacity_{std::max(1.0, rate)},
      tokens_{capacity_},
      filled_{now} {}

void token_bucket::fill(time_point now) {
  const auto passed = std::chrono::duration<double>{now - filled_}.count();
  tokens_ = std::min(capacity_, tokens_ + passed * rate_);
  filled_ = now;
}

void token_bucket::set_rate(double rate, time_point now) {
  if (rate == rate_)
    return;
  if (rate_ <= 0) {
    *this = token_bucket{rate, now};
    return;
  }
  fill(now);
  rate_ = rate;
  capacity_ = std::max(1.0, rate);
  tokens_ = std::min(tokens_, capacity_);
}

void token_bucket::empty(time_point since) {
  tokens_ = 0;
  filled_ = since;
}

std::optional<token_bucket::time_point> token_bucket::wait(time_point now) {
  if (rate_ <= 0)
    return std::nullopt;
  fill(now);
  // A call that waited for as long as it was told must find a token: the
  // tolerance covers rounding.
  if (tokens_ >= 1 - 1e-6)
    return std::nullopt;
  auto missing = std::chrono::duration<double>{(1 - tokens_) / rate_};
  return now + std::chrono::ceil<std::chrono::steady_clock::duration>(missing);
}

std::optional<circuit_breaker::time_point>
circuit_breaker::wait(time_point now) const {
  if (state_ == state::open && now < open_until_)
    return open_until_;
  if (state_ == state::half_open && trial_)
    return time_point::max();
  return std::nullopt;
}

void circuit_breaker::started(std::uint64_t call) {
  if (state_ == state::closed)
    return;
  state_ = state::half_open;
  trial_ = call;
}

void circuit_breaker::finished(std::uint64_t call, call_outcome outcome,
                               time_point now,
                               const governor_options& options) {
  if (state_ != state::closed) {
    // What started before the breaker opened says nothing about now.
    if (trial_ != call)
      return;
    trial_.reset();
  }
  if (outcome == call_outcome::success || outcome == call_outcome::not_now) {
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

int circuit_breaker::rank() const {
  return state_ == state::open ? 2 : state_ == state::half_open ? 1 : 0;
}

std::string_view circuit_breaker::name() const {
  constexpr std::array<std::string_view, 3> names{"closed", "open",
                                                  "half-open"};
  return names[static_cast<std::size_t>(state_)];
}

void ramp_after_pause::restart(time_point from) {
  max_ = 1;
  in_flight_ = 0;
  ++number_;
  doubles_at_ = from + doubles_after;
}

bool ramp_after_pause::is_full(time_point now, std::size_t max_calls) {
  while (max_ && doubles_at_ <= now) {
    max_ = *max_ * 2;
    doubles_at_ += doubles_after;
    if (*max_ >= max_calls)
      max_.reset();
  }
  return max_ && in_flight_ >= *max_;
}

std::uint64_t ramp_after_pause::started() {
  ++in_flight_;
  return number_;
}

void ramp_after_pause::ended(std::uint64_t number, bool is_answered) {
  if (number != number_)
    return;
  --in_flight_;
  if (max_ && is_answered)
    ++*max_;
}

std::size_t sub_action_calls(const governor_options& options) {
  auto all = std::max<std::size_t>(1, options.max_calls);
  auto share = std::clamp(options.reserved_for_clones, 0.0, 1.0);
  auto kept =
    static_cast<std::size_t>(std::floor(share * static_cast<double>(all)));
  return std::max<std::size_t>(1, all - std::min(all, kept));
}

call_outcome outcome_of(const exchange& done) noexcept {
  if (!done.failure) {
    if (done.status == 429)
      return call_outcome::not_now;
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

void call_times::add(std::chrono::duration<double> took) noexcept {
  const auto at = std::lower_bound(call_time_bounds.begin(),
                                   call_time_bounds.end(), took.count());
  ++classes[static_cast<std::size_t>(at - call_time_bounds.begin())];
  sum += took;
}

} // namespace handoff
