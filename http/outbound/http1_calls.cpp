#include "http/outbound/http1_calls.hpp"

#include "http/outbound/http1_call.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

http1_calls::http1_calls(socket_watch& sockets, address_told told)
    : sockets_{sockets}, address_told_{std::move(told)}, lane_{sockets, mark} {
  curl_multi_setopt(lane_.multi.get(), CURLMOPT_MAXCONNECTS,
                    unbounded_connections);
}

http1_calls::~http1_calls() = default;

bool http1_calls::may_take(const transfer& work) {
  return work.call().purpose == call_class::clone && work.is_for_tls_link();
}

void http1_calls::take(std::unique_ptr<transfer> work,
                       std::unique_ptr<tls_link> link, time_point now) {
  if (link == nullptr)
    link = std::make_unique<tls_link>(*work, lane_, sockets_, false, now);
  else
    link->watch_as(mark);
  auto made =
    std::make_unique<http1_call>(std::move(work), std::move(link), now);
  auto& of = *made;
  calls_.emplace(&of, std::move(made));
  set_deadline(of);
  if (of.link().now() == tls_link::state::connecting) {
    by_handle_.emplace(of.link().easy(), &of);
    return;
  }
  by_socket_.emplace(of.link().socket(), &of);
  go_on(of, now);
}

void http1_calls::socket_ready(std::uint64_t epoll_data, int mask) {
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(epoll_data));
  const auto known = by_socket_.find(fd);
  if (known != by_socket_.end()) {
    go_on(*known->second, std::chrono::steady_clock::now());
    return;
  }
  if (!sockets_.is_wanted(fd))
    return;
  int running = 0;
  curl_multi_socket_action(lane_.multi.get(), fd, mask, &running);
}

void http1_calls::take_connected(time_point now) {
  int left = 0;
  while (auto* message = curl_multi_info_read(lane_.multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE)
      continue;
    const auto code = message->data.result;
    const auto known = by_handle_.extract(message->easy_handle);
    if (!known)
      continue;
    auto& of = *known.mapped();
    of.link().connected(code, now);
    if (of.link().socket() != CURL_SOCKET_BAD)
      by_socket_.emplace(of.link().socket(), &of);
    go_on(of, now);
  }
}

void http1_calls::go_on(http1_call& of, time_point now) {
  const bool was_open = of.is_sent();
  auto done = of.go_on(now);
  if (!was_open && of.link().now() == tls_link::state::open) {
    address_told_(of.link().name(), of.link().address());
    set_deadline(of);
  }
  if (done)
    end(of, std::move(*done));
}

void http1_calls::set_deadline(http1_call& of) {
  deadlines_.erase({of.deadline, &of});
  of.deadline = of.next_deadline();
  deadlines_.emplace(of.deadline, &of);
}

void http1_calls::end(http1_call& of, exchange done) {
  deadlines_.erase({of.deadline, &of});
  by_handle_.erase(of.link().easy());
  by_socket_.erase(of.link().socket());
  ended_.push_back({of.take_work(), std::move(done)});
  calls_.erase(&of);
}

void http1_calls::expire(time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto& late = *deadlines_.begin()->second;
    // libcurl's handle goes back with the link.
    by_handle_.erase(late.link().easy());
    end(late, late.time_out(now));
  }
}

void http1_calls::tick(time_point now) {
  if (lane_.timer && *lane_.timer <= now) {
    lane_.timer.reset();
    int running = 0;
    curl_multi_socket_action(lane_.multi.get(), CURL_SOCKET_TIMEOUT, 0,
                             &running);
  }
  take_connected(now);
  expire(now);
}

std::optional<http1_calls::time_point> http1_calls::next_tick() const {
  if (!ended_.empty())
    return time_point::min();
  auto next = lane_.timer;
  if (!deadlines_.empty())
    next = std::min(deadlines_.begin()->first,
                    next.value_or(deadlines_.begin()->first));
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
  return all;
}

} // namespace handoff
