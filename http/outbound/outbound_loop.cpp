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

/// The longest sleep without any reason to wake.
constexpr auto poll_max = std::chrono::milliseconds{60'000};

/// What epoll says of the wake-up and of the other epoll; no connection's
/// socket is marked so.
constexpr auto wakeup_tag = ~std::uint64_t{0};
constexpr auto sub_actions_tag = wakeup_tag - 1;

/// Sockets served in one round: first those of clones, whose senders wait, then
/// those of sub-actions. A clone is served twice, when it is connected and when
/// it is answered, and a sub-action once: so many a clone's socket keep pace
/// with jobs of eight sub-actions, or what is answered would pile up
/// unfinished. No more sub-actions begin in a round, either: to connect one
/// takes longer than to serve it, and thousands may come at once.
constexpr std::size_t clones_in_round_max = 256;
constexpr std::size_t sub_actions_a_clone = 4;
constexpr std::size_t sub_actions_in_round_min = 32;

int checked(int fd, const char* what) {
  if (fd < 0)
    throw std::system_error{errno, std::generic_category(), what};
  return fd;
}

void initialize_curl() {
  // Once a process; libcurl asks for it before any thread uses it.
  static const auto code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK)
    throw std::runtime_error{"libcurl cannot be initialized"};
}

outbound_options with_connections(outbound_options options) {
  if (options.connections == nullptr)
    options.connections = std::make_shared<connection_registry>();
  return options;
}

} // namespace

outbound_client::loop::loop(outbound_options options)
    : options_{(initialize_curl(), with_connections(std::move(options)))},
      epoll_{checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
      epoll_sub_actions_{
        checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")},
      tokens_{std::make_shared<token_table>()},
      turns_{std::make_shared<call_turns>(options_.governor, tokens_,
                                          clock::now, options_.may_call)},
      profile_{std::make_shared<call_profile>(0, options_)},
      names_{[this](const std::string& name) {
               {
                 const auto guard = std::lock_guard{incoming_mutex_};
                 looked_up_.push_back(name);
               }
               turns_->wake();
             },
             options_.resolve},
      sockets_{epoll_.get(), epoll_sub_actions_.get()},
      http2_{sockets_,
             [this](const std::string& name, const std::string& address) {
               if (address.empty())
                 names_.connect_failed(name);
               else
                 names_.connected(name, address);
             }},
      http1_{sockets_,
             [this](const std::string& name, const std::string& address) {
               names_.connected(name, address);
             }} {
  for (const auto& [fd, tag] :
       {std::pair{turns_->wakeup(), wakeup_tag},
        std::pair{epoll_sub_actions_.get(), sub_actions_tag}}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = tag;
    checked(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  follow_connections();
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
  turns_->close();
  turns_->wake();
  thread_.join();
}

void outbound_client::loop::start(outbound_call_ptr call, completion done) {
  // Checked on the caller's thread: the loop's has enough to do.
  auto routed = route(std::move(call));
  auto refused = std::move(routed.refused);
  call_target target;
  if (!refused) {
    auto checked = target_of(*routed.call);
    if (auto* found = std::get_if<call_target>(&checked))
      target = std::move(*found);
    else
      refused = std::get<error>(std::move(checked));
  }
  auto work =
    std::make_unique<transfer>(std::move(routed.call), std::move(target),
                               std::move(done), std::move(routed.profile));
  if (routed.token)
    work->made_with(routed.token->number, std::move(routed.token->text));
  auto first = false;
  {
    auto guard = std::lock_guard{incoming_mutex_};
    first = incoming_.empty();
    incoming_.push_back({std::move(work), std::move(refused)});
  }
  if (first)
    turns_->wake();
}

void outbound_client::loop::run() {
  while (take_arrivals()) {
    take_shared_tokens(clock::now());
    give_turns();
    request_tokens(clock::now());
    begin_sub_actions();
    poll_once();
    take_ended();
  }
  shut_down();
}

int outbound_client::loop::patience_for_poll(time_point now) const {
  if (!sub_actions_.empty())
    return 0;
  auto next = now + poll_max;
  for (const auto& due : {http2_.next_tick(), http1_.next_tick(), next_turns_,
                          next_lookup_end_, next_token_})
    if (due)
      next = std::min(next, *due);
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
  sub_actions_in_round_ =
    std::max(clones.size() * sub_actions_a_clone, sub_actions_in_round_min);
  if (sub_actions)
    for (const auto& event : wait(epoll_sub_actions_, sub_actions_in_round_, 0))
      serve(event);
  const auto now = clock::now();
  http2_.tick(now);
  http1_.tick(now);
}

void outbound_client::loop::serve(const epoll_event& event) {
  if (event.data.u64 == wakeup_tag) {
    woken_ = true;
    std::uint64_t ignored = 0;
    [[maybe_unused]] auto read =
      ::read(turns_->wakeup(), &ignored, sizeof(ignored));
    return;
  }
  auto mask = 0;
  if ((event.events & EPOLLIN) != 0)
    mask |= CURL_CSELECT_IN;
  if ((event.events & EPOLLOUT) != 0)
    mask |= CURL_CSELECT_OUT;
  if ((event.events & (EPOLLERR | EPOLLHUP)) != 0)
    mask |= CURL_CSELECT_ERR;
  if (http2_links::is_of(event.data.u64))
    http2_.socket_ready(event.data.u64, mask);
  else
    http1_.socket_ready(event.data.u64, mask);
}

bool outbound_client::loop::take_arrivals() {
  std::vector<arrival> arrived;
  std::vector<std::string> names;
  {
    auto guard = std::lock_guard{incoming_mutex_};
    if (stopping_)
      return false;
    arrived.swap(incoming_);
    names.swap(looked_up_);
  }
  {
    const auto guard = std::lock_guard{profiles_mutex_};
    retired_.clear();
  }
  const auto now = clock::now();
  take_looked_up(names, now);
  give_up_lookups(now);
  for (auto& [work, refused] : arrived) {
    if (refused)
      work->tell(transfer::give_up(refused->kind, std::move(refused->detail)));
    else
      take(std::move(work), now);
  }
  return true;
}

void outbound_client::loop::begin_in_turn(std::unique_ptr<transfer> work,
                                          time_point now) {
  if (work->call().purpose == call_class::clone)
    begin(std::move(work), now);
  else
    sub_actions_.push_back(std::move(work));
}

void outbound_client::loop::begin_sub_actions() {
  const auto now = clock::now();
  for (auto left = sub_actions_in_round_; left > 0 && !sub_actions_.empty();
       --left) {
    auto work = std::move(sub_actions_.front());
    sub_actions_.pop_front();
    begin(std::move(work), now);
  }
}

void outbound_client::loop::give_turns() {
  const auto now = clock::now();
  if (std::exchange(woken_, false) || (next_turns_ && *next_turns_ <= now))
    next_turns_ = turns_->tick(now);
  const bool may_keep =
    turns_->leaves_room_for_idle() && !turns_->lacks_descriptors();
  http1_.keep_idle(may_keep);
  http2_.keep_idle(may_keep);
}

void outbound_client::loop::begin(std::unique_ptr<transfer> work,
                                  time_point now) {
  if (http2_.may_take(*work, now))
    http2_.take(std::move(work), now);
  else
    http1_.take(std::move(work), nullptr, now);
}

void outbound_client::loop::take_ended() {
  for (auto& [work, done] : http2_.take_ended())
    work->tell(std::move(done));
  for (auto& [work, link] : http2_.take_otherwise())
    http1_.take(std::move(work), std::move(link), clock::now());
  for (auto& [work, done] : http1_.take_ended()) {
    learn_from(*work, done);
    work->tell(std::move(done));
  }
}

void outbound_client::loop::shut_down() {
  constexpr auto why = "this service is shutting down";
  for (auto& [name, waiting] : std::exchange(unresolved_, {}))
    for (auto& each : waiting)
      each.work->tell(transfer::give_up(error_kind::shut_down, why));
  for (auto& each : std::exchange(sub_actions_, {}))
    each->tell(transfer::give_up(error_kind::shut_down, why));
  for (auto& [work, done] :
       http2_.give_up_all(error_kind::shut_down, why, clock::now()))
    work->tell(std::move(done));
  for (auto& [work, done] :
       http1_.give_up_all(error_kind::shut_down, why, clock::now()))
    work->tell(std::move(done));
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
      arrived.work->tell(transfer::give_up(error_kind::shut_down, why));
  }
}

} // namespace handoff
