#include "http/outbound/call_turns.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace handoff {

namespace {

/// How often it is looked whether there is a descriptor again, or whether calls
/// may be made again: nobody tells.
constexpr auto look_again = std::chrono::milliseconds{50};

int open_eventfd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0)
    throw std::system_error{errno, std::generic_category(), "eventfd"};
  return fd;
}

} // namespace

owned_fd::~owned_fd() {
  ::close(fd_);
}

governed_turn::governed_turn(std::shared_ptr<call_turns> from,
                             std::uint64_t call, socket_place place)
    : from_{std::move(from)}, call_{call}, place_{std::move(place)} {}

governed_turn::~governed_turn() {
  finished(call_outcome::unused);
}

void governed_turn::finished(call_outcome outcome) {
  place_.give_up();
  if (const auto from = std::exchange(from_, nullptr))
    from->finished(call_, outcome);
}

class call_turns::ticket : public turn_ticket {
public:
  ticket(std::shared_ptr<call_turns> from, std::uint64_t call,
         std::shared_ptr<waiter> who)
      : from_{std::move(from)}, call_{call}, who_{std::move(who)} {}

  ~ticket() override { from_->withdraw(call_, *who_); }

private:
  std::shared_ptr<call_turns> from_;
  std::uint64_t call_;
  std::shared_ptr<waiter> who_;
};

call_turns::call_turns(governor_options options,
                       std::shared_ptr<token_table> tokens,
                       std::function<time_point()> now,
                       std::function<bool()> may_call)
    : wakeup_{open_eventfd()},
      now_{std::move(now)},
      tokens_{std::move(tokens)},
      may_call_{std::move(may_call)},
      governor_{std::move(options)},
      sockets_{wakeup_.get()} {}

std::variant<turn_ptr, turn_ticket_ptr>
call_turns::ask(turn_request wanted, std::function<void(turn_ptr)> granted) {
  const auto now = now_();
  turn_ptr given;
  turn_ticket_ptr waits;
  {
    const auto guard = std::lock_guard{mutex_};
    const auto call = ++last_;
    look_for_token(wanted.upstream, now);
    governor_.submit(call, wanted.upstream, wanted.purpose, wanted.job, now);
    given = take_ready(now, call);
    if (given == nullptr) {
      auto who = std::make_shared<waiter>();
      who->granted = std::move(granted);
      waiters_.emplace(call, who);
      waits =
        std::make_unique<ticket>(shared_from_this(), call, std::move(who));
    }
    tell_loop();
  }
  hand_out();
  if (given != nullptr)
    return given;
  return waits;
}

void call_turns::pause(const std::string& upstream,
                       std::chrono::milliseconds time) {
  const auto now = now_();
  const auto guard = std::lock_guard{mutex_};
  governor_.pause(upstream, now + time, now);
  take_ready(now);
  tell_loop();
}

void call_turns::look_for_token(const std::string& upstream, time_point now) {
  if (tokens_ == nullptr || !tokens_->is_needed(upstream))
    return;
  const bool is_missing = tokens_->is_missing(upstream, now);
  governor_.set_token_missing(upstream, is_missing, now);
  if (tokens_->want(upstream, now))
    wake();
}

void call_turns::token_changed(const std::string& upstream) {
  const auto now = now_();
  {
    const auto guard = std::lock_guard{mutex_};
    const bool is_missing =
      tokens_ != nullptr && tokens_->is_missing(upstream, now);
    governor_.set_token_missing(upstream, is_missing, now);
    take_ready(now);
    tell_loop();
  }
  hand_out();
}

void call_turns::token_refused(const std::string& upstream,
                               std::uint64_t token) {
  if (tokens_ == nullptr || !tokens_->refused(upstream, token))
    return;
  token_changed(upstream);
  wake();
}

void call_turns::set_limits(
  std::map<std::string, governor_options, std::less<>> own) {
  const auto now = now_();
  {
    const auto guard = std::lock_guard{mutex_};
    governor_.set_limits(std::move(own), now);
    take_ready(now);
    tell_loop();
  }
  hand_out();
}

void call_turns::set_share(const lease_share& share) {
  const auto now = now_();
  {
    const auto guard = std::lock_guard{mutex_};
    governor_.set_share(share, now);
    take_ready(now);
    tell_loop();
  }
  hand_out();
}

bool call_turns::keeps_to_limits() const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.keeps_to_limits();
}

bool call_turns::has_waiting(const std::string& upstream) const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.has_waiting(upstream);
}

std::optional<turn_obstacle> call_turns::obstacle(const std::string& upstream,
                                                  call_class purpose) const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.obstacle(upstream, purpose, now_());
}

std::vector<upstream_counts> call_turns::counts() const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.counts();
}

clone_room call_turns::room_for_clones(const std::string& upstream) const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.room_for_clones(upstream, now_());
}

void call_turns::close() {
  const auto guard = std::lock_guard{mutex_};
  closed_ = true;
}

void call_turns::wake() noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is awake.
  [[maybe_unused]] const auto written =
    ::write(wakeup_.get(), &one, sizeof(one));
}

std::optional<call_turns::time_point> call_turns::tick(time_point now) {
  std::optional<time_point> next;
  bool is_short = false;
  {
    const auto guard = std::lock_guard{mutex_};
    take_ready(now);
    next = next_wakeup(now);
    is_short = governor_.puts_off() && shortage_.begins(now);
    known_to_loop_ = next;
  }
  if (is_short)
    spdlog::error("outbound: calls wait, no descriptors are left for them");
  hand_out();
  return next;
}

bool call_turns::lacks_descriptors() const {
  const auto guard = std::lock_guard{mutex_};
  return governor_.puts_off();
}

void call_turns::finished(std::uint64_t call, call_outcome outcome) {
  const auto now = now_();
  {
    const auto guard = std::lock_guard{mutex_};
    governor_.finished(call, outcome, now);
    take_ready(now);
    tell_loop();
  }
  hand_out();
}

void call_turns::withdraw(std::uint64_t call, waiter& who) {
  {
    const auto guard = std::lock_guard{mutex_};
    governor_.withdraw(call, now_());
    waiters_.erase(call);
  }
  // A turn that has come for it already goes back, and to the next.
  const auto guard = std::lock_guard{who.mutex};
  who.withdrawn = true;
  who.granted = nullptr;
}

turn_ptr call_turns::take_ready(time_point now,
                                std::optional<std::uint64_t> wanted) {
  turn_ptr found;
  is_shut_ = may_call_ && !may_call_();
  if (closed_ || is_shut_)
    return found;
  std::vector<socket_place> places;
  bool none_left = false;
  const auto take_place = [&] {
    auto place = none_left ? std::nullopt : sockets_.place(now);
    none_left = !place;
    if (place)
      places.push_back(std::move(*place));
    return place.has_value();
  };
  // By reference: a copy would take memory for each call.
  const auto ready = governor_.take_ready(now, std::ref(take_place));
  for (std::size_t at = 0; at < ready.size(); ++at) {
    auto given = std::make_shared<governed_turn>(shared_from_this(), ready[at],
                                                 std::move(places[at]));
    if (ready[at] == wanted) {
      found = std::move(given);
      continue;
    }
    auto who = waiters_.extract(ready[at]);
    granted_.push_back({std::move(who.mapped()), std::move(given)});
  }
  return found;
}

std::optional<call_turns::time_point> call_turns::next_wakeup(time_point now) {
  // Whatever is due meanwhile does not start.
  if (is_shut_)
    return now + look_again;
  auto next = governor_.next_wakeup();
  if (governor_.puts_off())
    next = std::min(next.value_or(now + look_again), now + look_again);
  return next;
}

void call_turns::tell_loop() {
  const auto next = next_wakeup(now_());
  if (!next || (known_to_loop_ && *known_to_loop_ <= *next))
    return;
  known_to_loop_ = next;
  wake();
}

void call_turns::hand_out() {
  // One thread does it for all, one after the other: what a grant brings about
  // may be that a turn is given back, and so the next grant.
  {
    const auto guard = std::lock_guard{mutex_};
    if (handing_out_ || granted_.empty())
      return;
    handing_out_ = true;
  }
  for (;;) {
    std::vector<grant> due;
    {
      const auto guard = std::lock_guard{mutex_};
      due.swap(granted_);
      handing_out_ = !due.empty();
    }
    if (due.empty())
      return;
    for (auto& [to, given] : due) {
      const auto guard = std::lock_guard{to->mutex};
      if (to->withdrawn)
        continue;
      const auto granted = std::exchange(to->granted, nullptr);
      granted(std::move(given));
    }
  }
}

} // namespace handoff
