#include "http/outbound/governor.hpp"

#include "http/outbound/governor_upstream.hpp"

#include <algorithm>

namespace handoff {

namespace {

using time_point = governor::time_point;

/// How long, and how many, hosts without calls are remembered.
constexpr auto idle_max = std::chrono::minutes{10};
constexpr std::size_t idle_hosts_max = 1'024;

/// How long nobody follows a call that was told "not now": for as long as who
/// made it may take to say how long the pause is.
constexpr std::chrono::milliseconds until_told{100};

} // namespace

governor::governor(governor_options options) : options_{std::move(options)} {
  options_.max_calls = std::max<std::size_t>(1, options_.max_calls);
}

governor::~governor() = default;

void governor::submit(std::uint64_t call, std::string_view host,
                      call_class purpose, std::string_view job,
                      time_point now) {
  auto& at = host_for(host, now);
  auto& line = at.of(purpose);
  if (line.waiting.empty())
    line.last_turn = now;
  waiting_.emplace(call,
                   waiting_call{&at, purpose, line.waiting.push(call, job)});
  mark(at);
}

bool governor::withdraw(std::uint64_t call, time_point now) {
  const auto known = waiting_.find(call);
  if (known == waiting_.end())
    return false;
  auto& host = *known->second.host;
  host.of(known->second.purpose).waiting.erase(known->second.place);
  waiting_.erase(known);
  if (host.waiting() == 0)
    wake_at(host, std::nullopt);
  mark_idle(host, now);
  return true;
}

std::vector<std::uint64_t>
governor::take_ready(time_point now, const std::function<bool()>& has_place) {
  if (!put_off_.empty())
    for (auto* host : std::exchange(put_off_, {}))
      mark(*host);
  while (!wakeups_.empty() && wakeups_.begin()->first <= now) {
    auto* host = wakeups_.begin()->second;
    wake_at(*host, std::nullopt);
    mark(*host);
  }
  std::vector<std::uint64_t> ready;
  // What is marked meanwhile has its turn next time.
  looked_at_.swap(marked_);
  for (auto* host : looked_at_) {
    host->marked = false;
    start_from(*host, now, has_place, ready);
    mark_idle(*host, now);
  }
  looked_at_.clear();
  forget_idle(now);
  return ready;
}

std::optional<call_class> governor::next_of(upstream& host, time_point now) {
  if (host.lacks_token || (host.limits.shared && !share_.is_usable)) {
    wake_at(host, std::nullopt);
    return std::nullopt;
  }
  std::optional<time_point> later;
  const auto not_before = [&](time_point when) {
    if (when != time_point::max())
      later = later ? std::min(*later, when) : when;
  };
  const auto may_go = [&](call_class purpose, std::size_t calls_max) {
    const auto& line = host.of(purpose);
    if (line.waiting.empty() || line.calls >= calls_max)
      return false;
    const auto wait = line.breaker.wait(now);
    if (wait)
      not_before(*wait);
    return !wait;
  };
  const auto calls_max = host.limits.max_calls;
  const bool is_full = host.in_flight() >= calls_max;
  const auto clone = !is_full && may_go(call_class::clone, calls_max);
  const auto ramp = host.sub_actions_ramp.max(now, host.sub_actions.calls);
  auto sub_action =
    !is_full && may_go(call_class::sub_action, host.sub_actions_max);
  if (sub_action && host.sub_actions.calls >= ramp) {
    host.sub_actions_ramp.held_back();
    not_before(host.sub_actions_ramp.next());
    sub_action = false;
  }
  auto next =
    clone && !(sub_action && host.clones_in_a_row >= clones_in_a_row_max)
      ? std::optional{call_class::clone}
    : sub_action ? std::optional{call_class::sub_action}
                 : std::nullopt;
  if (next) {
    auto wait = host.bucket.wait(now);
    if (host.paused_until > now)
      wait = host.paused_until;
    else if (host.ramp.is_full(now, calls_max))
      wait = host.ramp.doubles_at();
    if (wait) {
      not_before(*wait);
      next.reset();
    }
  }
  wake_at(host, later);
  return next;
}

void governor::start_from(upstream& host, time_point now,
                          const std::function<bool()>& has_place,
                          std::vector<std::uint64_t>& ready) {
  while (const auto purpose = next_of(host, now)) {
    if (has_place && !has_place()) {
      put_off(host, *purpose);
      return;
    }
    auto& line = host.of(*purpose);
    const auto call = line.waiting.pop();
    waiting_.erase(call);
    running_.emplace(call,
                     running_call{&host, *purpose, now, host.ramp.started()});
    ++line.calls;
    line.last_turn = now;
    host.clones_in_a_row =
      *purpose == call_class::clone && !host.sub_actions.waiting.empty()
        ? host.clones_in_a_row + 1
        : 0;
    host.bucket.take();
    const auto before = host.breaker().name();
    line.breaker.started(call);
    tell_breaker(host, before);
    ++host.calls;
    ready.push_back(call);
  }
}

void governor::put_off(upstream& host, call_class purpose) {
  auto& call = waiting_.at(host.of(purpose).waiting.next());
  // Counted once, however often it is put off.
  if (!std::exchange(call.put_off, true))
    ++host.put_off;
  put_off_.push_back(&host);
}

void governor::finished(std::uint64_t call, call_outcome outcome,
                        time_point now) {
  const auto known = running_.find(call);
  if (known == running_.end())
    return;
  auto& host = *known->second.host;
  auto& line = host.of(known->second.purpose);
  --line.calls;
  if (outcome == call_outcome::unused)
    --host.calls;
  else
    host.times.add(now - known->second.since);
  host.ramp.ended(known->second.ramp, outcome == call_outcome::success);
  if (known->second.purpose == call_class::sub_action
      && outcome == call_outcome::success)
    host.sub_actions_ramp.answered(now - known->second.since);
  running_.erase(known);
  if (outcome == call_outcome::failure)
    ++host.failures;
  if (outcome == call_outcome::not_now)
    hold(host, now + until_told, now);
  const auto before = host.breaker().name();
  line.breaker.finished(call, outcome, now, host.limits);
  tell_breaker(host, before);
  mark(host);
}

void governor::pause(std::string_view name, time_point until, time_point now) {
  auto& host = host_for(name, now);
  hold(host, until, now);
  host.ramp.restart(host.paused_until);
  mark(host);
}

const governor_options& governor::whole_limits_of(std::string_view name) const {
  const auto own = own_limits_.find(name);
  return own == own_limits_.end() ? options_ : own->second;
}

std::size_t governor::calls_of(const governor_options& whole) const {
  const auto calls = std::max<std::size_t>(1, whole.max_calls);
  return whole.shared ? part_of(calls, share_.rank, share_.count) : calls;
}

double governor::rate_of(const governor_options& whole) const {
  return whole.shared ? whole.rate / static_cast<double>(share_.count)
                      : whole.rate;
}

governor_options governor::limits_of(std::string_view name) const {
  auto limits = whole_limits_of(name);
  limits.max_calls = calls_of(limits);
  limits.rate = rate_of(limits);
  return limits;
}

bool governor::keeps_to_limits() const {
  return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& each) {
    const auto& host = *each.second;
    return !host.limits.shared || host.in_flight() <= host.limits.max_calls;
  });
}

void governor::limit_all(time_point now) {
  for (auto& [name, host] : hosts_) {
    host->limit(limits_of(name), now);
    if (host->waiting() > 0)
      mark(*host);
  }
}

void governor::set_limits(
  std::map<std::string, governor_options, std::less<>> own, time_point now) {
  own_limits_ = std::move(own);
  limit_all(now);
}

void governor::set_share(const lease_share& share, time_point now) {
  // The others may have used up their parts just now: a newcomer, which begins
  // with nothing used, begins with nothing to use.
  const bool has_joined = share.is_usable && !share_.is_usable;
  share_ = share;
  limit_all(now);
  if (!has_joined || share_.count <= 1)
    return;
  joined_ = now;
  for (auto& [name, host] : hosts_)
    if (host->limits.shared)
      host->bucket.empty(now);
}

void governor::set_token_missing(std::string_view name, bool is_missing,
                                 time_point now) {
  const auto known = hosts_.find(name);
  if (known == hosts_.end() && !is_missing)
    return;
  auto& host = host_for(name, now);
  if (is_missing && !host.lacks_token)
    host.lacks_token_since = now;
  host.lacks_token = is_missing;
  mark(host);
}

bool governor::has_waiting(std::string_view name) const {
  const auto known = hosts_.find(name);
  return known != hosts_.end() && known->second->waiting() > 0;
}

void governor::hold(upstream& host, time_point until, time_point now) {
  if (host.paused_until <= now)
    host.paused_since = now;
  host.paused_until = std::max(host.paused_until, until);
}

std::optional<turn_obstacle> governor::obstacle(std::string_view name,
                                                call_class purpose,
                                                time_point now) const {
  using std::chrono::ceil;
  using std::chrono::floor;
  using std::chrono::milliseconds;
  const auto known = hosts_.find(name);
  if (known == hosts_.end() || known->second->of(purpose).waiting.empty())
    return std::nullopt;
  auto& host = *known->second;
  const auto& line = host.of(purpose);
  turn_obstacle found;
  const auto is = [&](turn_obstacle::reason why, time_point since,
                      std::optional<time_point> until) {
    found.why = why;
    found.lasting = floor<milliseconds>(now - since);
    if (until && *until != time_point::max())
      found.left = std::max(milliseconds{0}, ceil<milliseconds>(*until - now));
  };
  if (host.lacks_token)
    is(turn_obstacle::reason::token, host.lacks_token_since, std::nullopt);
  else if (const auto wait = line.breaker.wait(now))
    is(turn_obstacle::reason::breaker,
       line.breaker.not_closed_since().value_or(now), wait);
  else if (host.paused_until > now)
    is(turn_obstacle::reason::pause, host.paused_since, host.paused_until);
  else if (is_put_off(host))
    is(turn_obstacle::reason::descriptors, line.last_turn, std::nullopt);
  else if (const auto token = host.bucket.wait(now))
    is(turn_obstacle::reason::rate, line.last_turn, token);
  else
    is(turn_obstacle::reason::calls, line.last_turn, std::nullopt);
  return found;
}

bool governor::is_put_off(const upstream& host) const {
  return std::find(put_off_.begin(), put_off_.end(), &host) != put_off_.end();
}

void governor::tell_breaker(const upstream& host,
                            std::string_view before) const {
  const auto after = host.breaker().name();
  if (options_.breaker_changed && after != before)
    options_.breaker_changed(host.name, after);
}

std::optional<time_point> governor::next_wakeup() const {
  if (!marked_.empty())
    return time_point::min();
  std::optional<time_point> next;
  if (!wakeups_.empty())
    next = wakeups_.begin()->first;
  return next;
}

std::vector<upstream_counts> governor::counts() const {
  std::vector<upstream_counts> all;
  all.reserve(hosts_.size());
  for (const auto& [name, host] : hosts_) {
    const auto& breaker = host->breaker();
    all.push_back({host->name, host->in_flight(), host->waiting(), host->calls,
                   host->failures, std::string{breaker.name()},
                   breaker.failures_in_a_row(), breaker.not_closed_since(),
                   host->times, host->put_off});
  }
  return all;
}

clone_room governor::room_for_clones(std::string_view host,
                                     time_point now) const {
  const auto& whole = whole_limits_of(host);
  clone_room room{0, calls_of(whole), rate_of(whole)};
  if (const auto known = hosts_.find(host); known != hosts_.end()) {
    const auto& at = *known->second;
    room.under_way = at.clones.calls;
    room.slots -= std::min(at.sub_actions.calls, room.slots - 1);
    if (at.paused_until > now)
      room.pause =
        std::chrono::ceil<std::chrono::microseconds>(at.paused_until - now);
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
  auto made = std::make_unique<upstream>(name, limits_of(name), now);
  if (made->limits.shared && joined_)
    made->bucket.empty(*joined_);
  auto& host = *made;
  hosts_.emplace(host.name, std::move(made));
  return host;
}

void governor::forget_idle(time_point now) {
  for (auto left = idle_.size(); left > 0; --left) {
    auto* host = idle_.front();
    if (idle_.size() <= idle_hosts_max && now - host->idle_since < idle_max)
      return;
    if (host->paused_until > now) {
      // What it asked for holds for calls that come only later.
      host->idle_since = now;
      idle_.splice(idle_.end(), idle_, idle_.begin());
      continue;
    }
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

bool governor::by_time_and_name::operator()(const wakeup& left,
                                            const wakeup& right) const {
  return left.first != right.first ? left.first < right.first
                                   : left.second->name < right.second->name;
}

void governor::wake_at(upstream& host, std::optional<time_point> when) {
  if (host.wakeup)
    wakeups_.erase({*host.wakeup, &host});
  host.wakeup = when;
  if (when)
    wakeups_.emplace(*when, &host);
}

} // namespace handoff
