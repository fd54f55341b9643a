#include "http/outbound/http1_calls.hpp"

#include "http/outbound/http1_call.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

http1_calls::http1_calls(socket_watch& sockets, address_told told)
    : sockets_{sockets},
      address_told_{std::move(told)},
      lanes_{curl_lane{sockets, mark}, curl_lane{sockets, mark | 1U}} {}

http1_calls::~http1_calls() = default;

curl_lane& http1_calls::lane_for(call_class purpose) {
  return lanes_[purpose == call_class::clone ? 0 : 1];
}

std::unique_ptr<upstream_link> http1_calls::new_link(transfer& work,
                                                     time_point now) {
  return std::make_unique<upstream_link>(work, lane_for(work.call().purpose),
                                         sockets_, false, now);
}

void http1_calls::take(std::unique_ptr<transfer> work,
                       std::unique_ptr<upstream_link> link, time_point now) {
  const auto purpose = work->call().purpose;
  bool was_used = false;
  if (link != nullptr) {
    link->watch_as(lane_for(purpose).tag());
  } else if (purpose != call_class::clone) {
    link = idle_.take(work->way(), now);
    was_used = link != nullptr;
  }
  if (link != nullptr)
    work->take_place().give_up();
  else
    link = new_link(*work, now);
  auto made = std::make_unique<http1_call>(std::move(work), std::move(link),
                                           was_used, now);
  auto& of = *made;
  calls_.emplace(&of, std::move(made));
  connect(of, now);
}

void http1_calls::connect(http1_call& of, time_point now) {
  if (of.link().now() == upstream_link::state::connecting) {
    set_deadline(of);
    by_handle_.emplace(of.link().easy(), &of);
    return;
  }
  by_socket_.emplace(of.link().socket(), &of);
  go_on(of, now);
}

void http1_calls::socket_ready(std::uint64_t epoll_data, int mask) {
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(epoll_data));
  const auto known = by_socket_.find(fd);
  if (known != by_socket_.end())
    go_on(*known->second, std::chrono::steady_clock::now());
  else if (!idle_.socket_ready(fd))
    lanes_[epoll_data >> 32U & 1U].socket_ready(fd, mask);
}

void http1_calls::take_connected(curl_lane& from, time_point now) {
  from.each_done([&](CURL* easy, CURLcode code) {
    const auto known = by_handle_.extract(easy);
    if (!known)
      return;
    auto& of = *known.mapped();
    of.link().connected(code, now);
    if (of.link().socket() != CURL_SOCKET_BAD)
      by_socket_.emplace(of.link().socket(), &of);
    go_on(of, now);
  });
}

void http1_calls::go_on(http1_call& of, time_point now) {
  const bool was_sent = of.is_sent();
  auto done = of.go_on(now);
  if (!was_sent && of.is_on_new_link())
    address_told_(of.link().name(), of.link().address());
  if (done)
    end(of, std::move(*done), now);
  else if (!was_sent && of.is_sent())
    set_deadline(of);
}

void http1_calls::set_deadline(http1_call& of) {
  deadlines_.erase({of.deadline, &of});
  of.deadline = of.next_deadline();
  deadlines_.emplace(of.deadline, &of);
}

void http1_calls::forget(http1_call& of) {
  deadlines_.erase({of.deadline, &of});
  // libcurl's handle goes back with the link.
  by_handle_.erase(of.link().easy());
  by_socket_.erase(of.link().socket());
}

void http1_calls::end(http1_call& of, exchange done, time_point now) {
  forget(of);
  const auto& upstream = of.work().way();
  // What this one was lost for, others may be as well.
  if (done.failure)
    idle_.close(upstream);
  if (of.is_to_be_repeated(done)) {
    of.repeat(new_link(of.work(), now));
    connect(of, now);
    return;
  }
  const auto kept_for =
    may_keep_ && of.work().call().purpose != call_class::clone
      ? idle_links::kept_for(done.headers)
      : std::chrono::milliseconds{0};
  if (kept_for.count() > 0)
    if (auto link = of.take_link())
      idle_.add(upstream, std::move(link), now + kept_for);
  ended_.push_back({of.take_work(), std::move(done)});
  calls_.erase(&of);
}

void http1_calls::expire(time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto& late = *deadlines_.begin()->second;
    forget(late);
    end(late, late.time_out(now), now);
  }
}

void http1_calls::keep_idle(bool may_keep) {
  may_keep_ = may_keep;
  if (!may_keep)
    idle_.close_all();
}

void http1_calls::tick(time_point now) {
  for (auto& lane : lanes_) {
    lane.tick(now);
    take_connected(lane, now);
  }
  expire(now);
  idle_.tick(now);
}

std::optional<http1_calls::time_point> http1_calls::next_tick() const {
  if (!ended_.empty())
    return time_point::min();
  std::optional<time_point> next;
  const auto not_after = [&](std::optional<time_point> when) {
    if (when && (!next || *when < *next))
      next = when;
  };
  for (const auto& lane : lanes_)
    not_after(lane.next_tick());
  if (!deadlines_.empty())
    not_after(deadlines_.begin()->first);
  not_after(idle_.next_tick());
  return next;
}

std::vector<http1_calls::ended_call> http1_calls::take_ended() {
  return std::exchange(ended_, {});
}

std::vector<http1_calls::ended_call>
http1_calls::give_up_all(error_kind kind, const std::string& why,
                         time_point now) {
  auto all = std::exchange(ended_, {});
  for (auto& [at, of] : calls_) {
    auto done = of->failed(kind, why, now);
    all.push_back({of->take_work(), std::move(done)});
  }
  deadlines_.clear();
  by_handle_.clear();
  by_socket_.clear();
  calls_.clear();
  idle_.close_all();
  return all;
}

} // namespace handoff
