#include "http/outbound/outbound_loop.hpp"

#include "http/outbound/call_check.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <pthread.h>
#include <span>
#include <stdexcept>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace handoff {

namespace {

using clock = std::chrono::steady_clock;

/// Handles kept for later calls; each holds a few KiB.
constexpr std::size_t spare_max = 256;

/// The longest sleep without any reason to wake.
constexpr auto poll_max = std::chrono::milliseconds{60'000};

/// How long connections stay without calls: no longer than `transfer` would
/// have one used again.
constexpr std::chrono::milliseconds idle_max{4'000};

/// The longest sleep while a call waits for a descriptor: nobody tells of those
/// that others give back.
constexpr auto retry_without_descriptors = std::chrono::milliseconds{50};

/// What epoll says of the wake-up and of the other epoll; no lane's socket is
/// marked so.
constexpr auto wakeup_tag = ~std::uint64_t{0};
constexpr auto sub_actions_tag = wakeup_tag - 1;

/// Sockets served in one round: first those of clones, whose senders wait, then
/// those of sub-actions. A clone is served twice, when it is connected and when
/// it is answered, and a sub-action once: so many a clone's socket keep pace
/// with jobs of eight sub-actions, or what is answered would pile up
/// unfinished.
constexpr std::size_t clones_in_round_max = 256;
constexpr std::size_t sub_actions_a_clone = 4;
constexpr std::size_t sub_actions_in_round_min = 32;

int checked(int fd, const char* what) {
  if (fd < 0)
    throw std::system_error{errno, std::generic_category(), what};
  return fd;
}

template <class Handle>
Handle checked(Handle handle) {
  if (handle == nullptr)
    throw std::bad_alloc{};
  return handle;
}

void initialize_curl() {
  // Once a process; libcurl asks for it before any thread uses it.
  static const auto code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::runtime_error{"libcurl cannot be initialized"};
}

} // namespace

owned_fd::~owned_fd() {
  ::close(fd_);
}

outbound_client::loop::loop(outbound_options options)
    : options_{(initialize_curl(), std::move(options))},
      epoll_{checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
      epoll_sub_actions_{
        checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
      wakeup_{checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")},
      governor_{options_.governor},
      share_{checked(curl_share_init())},
      lanes_{epoll_.get(), epoll_sub_actions_.get()} {
  // No lock functions: all that share it are of one thread.
  curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  for (const auto& [fd, tag] :
       {std::pair{wakeup_.get(), wakeup_tag},
        std::pair{epoll_sub_actions_.get(), sub_actions_tag}}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    checked(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  thread_ = std::thread{[this] {
    ::pthread_setname_np(::pthread_self(), "outbound");
    run();
  }};
}

outbound_client::loop::~loop() {
  {
    auto guard = std::lock_guard{incoming_mutex_};
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void outbound_client::loop::start(outbound_call_ptr call, completion done) {
  // Checked on the caller's thread: the loop's has enough to do.
  auto checked = target_of(*call);
  auto* target = std::get_if<call_target>(&checked);
  auto work = std::make_unique<transfer>(
    std::move(call), target != nullptr ? std::move(target->url) : nullptr,
    std::move(done), options_);
  auto host = target != nullptr
              ? result<std::string>{std::move(target->host)}
              : result<std::string>{std::get<error>(std::move(checked))};
  auto first = false;
  {
    auto guard = std::lock_guard{incoming_mutex_};
    first = incoming_.empty();
    incoming_.push_back({std::move(work), std::move(host)});
  }
  if (first)
    wake();
}

void outbound_client::loop::drain() {
  {
    auto guard = std::lock_guard{incoming_mutex_};
    drain_asked_ = true;
  }
  wake();
}

std::vector<upstream_counts> outbound_client::loop::counts() const {
  auto guard = std::lock_guard{governor_mutex_};
  return governor_.counts();
}

clone_room
outbound_client::loop::room_for_clones(const std::string& host) const {
  auto guard = std::lock_guard{governor_mutex_};
  return governor_.room_for_clones(host);
}

void outbound_client::loop::wake() {
  std::uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is awake.
  [[maybe_unused]] auto written = ::write(wakeup_.get(), &one, sizeof(one));
}

void outbound_client::loop::run() {
  while (take_arrivals()) {
    take_turns();
    poll_once();
    take_ended();
  }
  shut_down();
}

int outbound_client::loop::patience_for_poll(time_point now) const {
  auto next = now + (none_left_ ? retry_without_descriptors : poll_max);
  if (auto tick = lanes_.next_tick())
    next = std::min(next, *tick);
  // Read without the lock: only this thread changes the governor.
  if (auto turn = governor_.next_wakeup())
    next = std::min(next, *turn);
  if (next <= now)
    return 0;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return static_cast<int>(left.count());
}

void outbound_client::loop::poll_once() {
  std::array<epoll_event, clones_in_round_max * sub_actions_a_clone> events;
  const auto wait = [&](const owned_fd& on, std::size_t most, int patience) {
    const auto count =
      epoll_wait(on.get(), events.data(), static_cast<int>(most), patience);
    return std::span{events.data(),
                     static_cast<std::size_t>(std::max(count, 0))};
  };
  bool sub_actions = false;
  const auto clones =
    wait(epoll_, clones_in_round_max, patience_for_poll(clock::now()));
  for (const auto& event : clones) {
    if (event.data.u64 == sub_actions_tag)
      sub_actions = true;
    else
      serve(event);
  }
  if (sub_actions)
    for (const auto& event : wait(epoll_sub_actions_,
                                  std::max(clones.size() * sub_actions_a_clone,
                                           sub_actions_in_round_min),
                                  0))
      serve(event);
  lanes_.tick(clock::now());
}

void outbound_client::loop::serve(const epoll_event& event) {
  if (event.data.u64 == wakeup_tag) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] auto read =
      ::read(wakeup_.get(), &ignored, sizeof(ignored));
    return;
  }
  auto mask = 0;
  if ((event.events & EPOLLIN) != 0)
    mask |= CURL_CSELECT_IN;
  if ((event.events & EPOLLOUT) != 0)
    mask |= CURL_CSELECT_OUT;
  if ((event.events & (EPOLLERR | EPOLLHUP)) != 0)
    mask |= CURL_CSELECT_ERR;
  lanes_.socket_ready(event.data.u64, mask);
}

bool outbound_client::loop::take_arrivals() {
  std::vector<arrival> arrived;
  auto drain_now = false;
  {
    auto guard = std::lock_guard{incoming_mutex_};
    if (stopping_)
      return false;
    arrived.swap(incoming_);
    drain_now = std::exchange(drain_asked_, false);
  }
  auto now = clock::now();
  if (drain_now) {
    auto guard = std::lock_guard{governor_mutex_};
    governor_.drain();
  }
  for (auto& [work, host] : arrived) {
    if (auto* why = std::get_if<error>(&host)) {
      work->tell(work->give_up(why->kind, std::move(why->detail), now));
      continue;
    }
    auto id = next_id_++;
    const auto& call = work->call();
    auto queued = false;
    {
      auto guard = std::lock_guard{governor_mutex_};
      queued = governor_.submit(id, std::get<std::string>(host), call.purpose,
                                call.job, now, now + call.patience,
                                now + call.awaited);
    }
    if (queued)
      calls_.emplace(id, accepted_call{std::move(work)});
    else
      work->tell(work->give_up(error_kind::overloaded,
                               "too many calls wait for their turn", now));
  }
  return true;
}

void outbound_client::loop::take_turns() {
  auto now = clock::now();
  const auto ready = take_ready(now);
  std::vector<expired_call> expired;
  {
    auto guard = std::lock_guard{governor_mutex_};
    expired = governor_.take_expired(now);
  }
  for (auto id : ready)
    begin(id, now);
  for (const auto& [id, kind] : expired) {
    auto done = calls_.at(id).work->give_up(
      kind,
      kind == error_kind::breaker_open
        ? "the upstream has failed too often and is given a rest"
        : "its turn did not come in time",
      now);
    end(id, std::move(done));
  }
}

std::vector<std::uint64_t> outbound_client::loop::take_ready(time_point now) {
  std::vector<socket_place> places;
  none_left_ = false;
  const auto has_place = [&] {
    auto place = none_left_ ? std::nullopt : sockets_.place(now);
    none_left_ = !place;
    if (place)
      places.push_back(std::move(*place));
    return place.has_value();
  };
  std::vector<std::uint64_t> ready;
  {
    auto guard = std::lock_guard{governor_mutex_};
    ready = governor_.take_ready(now, has_place);
  }
  for (std::size_t i = 0; i < ready.size(); ++i)
    calls_.at(ready[i]).work->take_place(std::move(places[i]));
  // Before any begins: a lane that goes has no calls.
  lanes_.keep_idle_for(!none_left_ && sockets_.leave_room_for_idle()
                         ? idle_max
                         : std::chrono::milliseconds{0},
                       now);
  if (none_left_ && shortage_.begins(now))
    spdlog::error("outbound: calls wait, no descriptors are left for them");
  return ready;
}

void outbound_client::loop::begin(std::uint64_t id, time_point now) {
  auto& call = calls_.at(id);
  auto& work = *call.work;
  auto& lane = lanes_.with_room(work.call().purpose);
  auto code = work.prepare(take_handle(), lanes_.sockets(), now);
  if (code == CURLE_OK
      && (curl_easy_setopt(work.easy(), CURLOPT_PRIVATE,
                           reinterpret_cast<void*>(id))
            != CURLE_OK
          || curl_multi_add_handle(lane.multi.get(), work.easy()) != CURLM_OK))
    code = CURLE_FAILED_INIT;
  if (code == CURLE_OK) {
    call.lane = &lane;
    ++lane.calls;
    return;
  }
  auto done = work.finish(code, clock::now());
  {
    auto guard = std::lock_guard{governor_mutex_};
    governor_.finished(id, outcome_of(done), clock::now());
  }
  end(id, std::move(done));
}

void outbound_client::loop::take_ended() {
  lanes_.each([this](curl_lane& lane) { take_ended(lane); });
  lanes_.trim();
}

void outbound_client::loop::take_ended(curl_lane& from) {
  int left = 0;
  while (auto* message = curl_multi_info_read(from.multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE)
      continue;
    auto* easy = message->easy_handle;
    auto code = message->data.result;
    void* tag = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &tag);
    auto id = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(tag));
    auto& work = *calls_.at(id).work;
    auto now = clock::now();
    auto done = work.finish(code, now);
    curl_multi_remove_handle(from.multi.get(), easy);
    --from.calls;
    recycle(work.release_easy());
    {
      auto guard = std::lock_guard{governor_mutex_};
      governor_.finished(id, outcome_of(done), now);
    }
    end(id, std::move(done));
  }
}

void outbound_client::loop::end(std::uint64_t id, exchange done) {
  auto call = calls_.extract(id);
  call.mapped().work->tell(std::move(done));
}

curl_easy outbound_client::loop::take_handle() {
  if (!spare_.empty()) {
    auto easy = std::move(spare_.back());
    spare_.pop_back();
    return easy;
  }
  auto easy = checked(curl_easy{curl_easy_init()});
  if (transfer::configure(easy.get(), options_, share_.get(), lanes_.sockets())
      != CURLE_OK)
    throw std::bad_alloc{}; // the only reason that is left
  return easy;
}

void outbound_client::loop::recycle(curl_easy easy) {
  if (spare_.size() < spare_max)
    spare_.push_back(std::move(easy));
}

void outbound_client::loop::shut_down() {
  constexpr auto why = "this service is shutting down";
  for (auto& [id, call] : std::exchange(calls_, {})) {
    auto& work = call.work;
    if (call.lane != nullptr)
      curl_multi_remove_handle(call.lane->multi.get(), work->easy());
    work->tell(work->give_up(error_kind::shut_down, why, clock::now()));
  }
  // What was asked for too late, by a completion just told among others.
  for (;;) {
    std::vector<arrival> late;
    {
      auto guard = std::lock_guard{incoming_mutex_};
      late.swap(incoming_);
    }
    if (late.empty())
      return;
    for (auto& arrived : late)
      arrived.work->tell(
        arrived.work->give_up(error_kind::shut_down, why, clock::now()));
  }
}

} // namespace handoff
