#include "journal/postgres/node_life.hpp"

#include "job/retention.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace handoff::postgres {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Between two looks at the others.
constexpr milliseconds look_every{1'000};
/// While somebody wants to hear of every event.
constexpr milliseconds carry_every{200};
/// Between two tries to reach a database that is away.
constexpr milliseconds try_every{250};
constexpr std::chrono::seconds tidy_every{10};

/// What waits to be told; beyond it, the oldest is forgotten.
constexpr std::size_t words_bytes_max = std::size_t{4} << 20;

} // namespace

node_life::node_life(options chosen)
    : options_{std::move(chosen)},
      own_{options_.lease},
      newest_{options_.number} {
  own_.renewed(options_.entered);
  doubtful_from_ = own_.doubtful_from().count();
  thread_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "lease");
    run();
  }};
}

node_life::~node_life() {
  stop();
}

void node_life::stop() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
    listener_ = {};
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

bool node_life::holds() const noexcept {
  return !is_fenced_ && time_since_boot().count() < doubtful_from_;
}

group_measures node_life::measures() const {
  group_measures made;
  // Others count from when the renewal reached them: no less than this.
  const auto ends = boot_time{doubtful_from_.load()} + options_.lease / 4;
  made.lease_left =
    is_fenced_
      ? milliseconds{0}
      : std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(
                                    ends - time_since_boot()));
  made.working = in_state_[1];
  made.leaving = in_state_[2];
  made.dead = in_state_[3];
  made.doubts = doubts_ + (holds() ? 0 : 1);
  made.declared_dead = declared_dead_;
  made.taken_over = taken_over_;
  return made;
}

void node_life::follow(group_listener listener) {
  const std::scoped_lock lock{mutex_};
  listener_ = std::move(listener);
  if (is_fenced_ && listener_.fenced)
    listener_.fenced();
  if (listener_.shared)
    listener_.shared(share_);
}

void node_life::leave() {
  is_leaving_ = true;
  changed_.notify_all();
}

bool node_life::is_heard() const noexcept {
  return is_heard_;
}

void node_life::tell(std::string words) {
  const std::scoped_lock lock{mutex_};
  words_bytes_ += words.size();
  words_.push_back(std::move(words));
  if (words_bytes_ > words_bytes_max) {
    words_.clear();
    words_bytes_ = 0;
  }
}

void node_life::fenced() {
  if (is_fenced_.exchange(true))
    return;
  const std::scoped_lock lock{mutex_};
  if (listener_.fenced)
    listener_.fenced();
}

milliseconds node_life::pause() const {
  if (!on_)
    return try_every;
  const auto usual = std::min(look_every, renew_every());
  return is_heard_ || (feed_ && feed_->is_listening())
         ? std::min(carry_every, usual)
         : usual;
}

void node_life::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_ && !is_fenced_) {
    lock.unlock();
    try {
      turn();
      was_away_ = false;
    } catch (const failure& why) {
      on_.reset();
      rows_.reset();
      feed_.reset();
      lock.lock();
      if (!std::exchange(was_away_, true) && listener_.warn)
        listener_.warn(std::string{"the lease cannot be renewed: "}
                       + why.what());
      lock.unlock();
    }
    lock.lock();
    changed_.wait_for(lock, pause(), [&] {
      return stopping_ || (is_leaving_ && !has_left_ && on_);
    });
  }
}

void node_life::turn() {
  if (!on_) {
    // A server that is silent is asked again before the lease is in doubt.
    on_ = options_.connect(std::max(renew_every(), milliseconds{1'000}));
    rows_ = std::make_unique<node_rows>(*on_);
    feed_ = std::make_unique<feed>(*on_, options_.number);
    renewed_.reset();
  }
  const auto now = clock::now();
  const bool is_due = !renewed_ || now - *renewed_ >= renew_every();
  if (is_due)
    renew();
  if (is_fenced_)
    return;
  const auto all = rows_->look();
  watch(all);
  count(all);
  share(all);
  tell_leaving();
  carry_words();
  if (!tidied_ || now - *tidied_ >= tidy_every) {
    rows_->tidy();
    tidied_ = now;
  }
}

void node_life::renew() {
  const auto sent = time_since_boot();
  renewed_ = clock::now();
  if (!rows_->renew(options_.number, options_.lease, newest_)) {
    fenced();
    return;
  }
  if (!own_.holds(sent))
    ++doubts_;
  own_.renewed(sent);
  doubtful_from_ = own_.doubtful_from().count();
}

void node_life::watch(const std::vector<node_row>& all) {
  const auto now = time_since_boot();
  for (const auto& each : all) {
    if (each.number == options_.number) {
      if (each.state >= 3)
        fenced();
      continue;
    }
    if (each.state >= 3) {
      others_.forget(each.number);
      continue;
    }
    others_.saw(each.number, each.renewals, now);
    const bool is_over = each.has_expired && own_.is_settled(now)
                      && others_.is_silent(each.number, each.length, now);
    if (!is_over || !rows_->declare_dead(each.number))
      continue;
    ++declared_dead_;
    const std::scoped_lock lock{mutex_};
    if (listener_.warn)
      listener_.warn("node " + std::to_string(each.number)
                     + " has not renewed its lease and was declared dead");
  }
}

void node_life::count(const std::vector<node_row>& all) {
  std::array<std::uint64_t, 4> found{};
  for (const auto& each : all)
    if (each.state > 0 && each.state < 4)
      ++found[static_cast<std::size_t>(each.state)];
  for (std::size_t state = 0; state < found.size(); ++state)
    in_state_[state] = found[state];
}

void node_life::share(const std::vector<node_row>& all) {
  std::vector<sharing_node> living;
  auto newest = options_.number;
  for (const auto& each : all)
    if (each.state < 3) {
      living.push_back({each.number, each.seen});
      newest = std::max(newest, each.number);
    }
  const auto found = share_of(options_.number, living);
  {
    const std::scoped_lock lock{mutex_};
    if (found != share_) {
      share_ = found;
      if (listener_.shared)
        listener_.shared(share_);
    }
  }
  // Only now: the newcomer takes its part as soon as it reads this.
  if (newest > newest_ && keeps_to_share()) {
    newest_ = newest;
    renew();
  }
}

bool node_life::keeps_to_share() {
  const std::scoped_lock lock{mutex_};
  return !listener_.keeps_to_share || listener_.keeps_to_share();
}

void node_life::tell_leaving() {
  if (!is_leaving_ || has_left_)
    return;
  rows_->leave(options_.number);
  has_left_ = true;
}

void node_life::carry_words() {
  std::vector<std::string> words;
  bool wanted = false;
  {
    const std::scoped_lock lock{mutex_};
    wanted = listener_.listens && listener_.listens();
    words.swap(words_);
    words_bytes_ = 0;
  }
  feed_->listen(wanted);
  is_heard_ = feed_->is_heard();
  if (is_heard_ && !words.empty())
    feed_->tell(words);
  if (!wanted)
    return;
  const auto heard = feed_->hear();
  const std::scoped_lock lock{mutex_};
  if (listener_.heard)
    for (const auto& each : heard)
      listener_.heard(each);
}

} // namespace handoff::postgres
