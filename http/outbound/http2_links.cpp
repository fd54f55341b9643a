#include "http/outbound/http2_links.hpp"

#include "http/outbound/connect_error.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

namespace {

using namespace std::chrono_literals;

/// For how long a host is believed not to speak HTTP/2.
constexpr auto without_for = 10min;

/// How long a connection is kept without a call: shorter than upstreams do
/// (nginx 75 s, most balancers 60 s).
constexpr auto idle_link_max = 30s;

/// Hosts that are remembered, and connections of one that are being connected
/// at once.
constexpr std::size_t hosts_max = 4'096;
constexpr std::ptrdiff_t connecting_max = 8;

/// How many connections may refuse a call before it fails.
constexpr int refusals_max = 5;

} // namespace

http2_links::http2_links(socket_watch& sockets, address_told told)
    : sockets_{sockets},
      address_told_{std::move(told)},
      owner_{
        [this](stream_ptr stream, exchange done) {
          end(std::move(stream), std::move(done));
        },
        [this](stream_ptr stream) { refused_.push_back(std::move(stream)); },
        [this](stream_ptr stream) {
          want_http1_.push_back(std::move(stream));
        }},
      lanes_{curl_lane{sockets, mark}, curl_lane{sockets, mark | 1U}} {}

http2_links::~http2_links() = default;

curl_lane& http2_links::lane_for(call_class purpose) {
  return lanes_[purpose == call_class::clone ? 0 : 1];
}

bool http2_links::may_take(const transfer& work, time_point now) {
  if (!work.options().http2 || !work.origin().is_tls())
    return false;
  const auto known = without_.find(work.way());
  if (known == without_.end())
    return true;
  if (now < known->second)
    return false;
  without_.erase(known);
  return true;
}

http2_links::host& http2_links::host_of(const http2_stream& stream) {
  const auto purpose = stream.work->call().purpose;
  auto key = stream.work->way() + (purpose == call_class::clone ? " c" : " s");
  const auto known = hosts_.find(key);
  if (known != hosts_.end())
    return known->second;
  auto& made = hosts_[key];
  made.name = stream.work->way();
  made.purpose = purpose;
  return made;
}

void http2_links::take(std::unique_ptr<transfer> work, time_point now) {
  auto stream = std::make_unique<http2_stream>(std::move(work), now);
  deadlines_.emplace(stream->until, stream.get());
  auto& at = host_of(*stream);
  at.waiting.push_back(std::move(stream));
  serve(at, now);
}

void http2_links::serve(host& at, time_point now) {
  auto& links = at.links;
  for (auto link = links.rbegin(); link != links.rend() && !at.waiting.empty();
       ++link)
    while (!at.waiting.empty() && (*link)->has_room(now)) {
      auto stream = std::move(at.waiting.front());
      at.waiting.pop_front();
      // It needs no socket of its own.
      stream->work->take_place().give_up();
      (*link)->begin(std::move(stream), now);
    }
  // As many as will do, or the first, which tells whether it is worth it.
  auto open = std::count_if(links.begin(), links.end(), [](const auto& each) {
    return each->now() == http2_link::state::connecting || each->is_asked();
  });
  const auto needed = static_cast<std::ptrdiff_t>(
    (at.waiting.size() + http2_link::streams_max - 1)
    / http2_link::streams_max);
  for (const auto wanted =
         std::min(needed, at.speaks_http2 ? connecting_max : 1);
       open < wanted; ++open)
    open_link(at, now);
}

void http2_links::open_link(host& at, time_point now) {
  auto& first = *at.waiting.front()->work;
  auto& link = at.links.emplace_back(std::make_unique<http2_link>(
    owner_, first, lane_for(at.purpose), sockets_, now));
  by_handle_[link->tls().easy()] = {&at, link.get()};
}

void http2_links::socket_ready(std::uint64_t epoll_data, int mask) {
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(epoll_data));
  const auto known = by_socket_.find(fd);
  if (known != by_socket_.end()) {
    const auto now = std::chrono::steady_clock::now();
    auto& [at, link] = known->second;
    if (link->now() == http2_link::state::connecting) {
      link->tls().shake_hands(now);
      advance(*at, *link, now);
    } else {
      link->socket_ready(now);
    }
    return;
  }
  lanes_[epoll_data >> 32U & 1U].socket_ready(fd, mask);
}

void http2_links::take_connected(curl_lane& from, time_point now) {
  from.each_done([&](CURL* easy, CURLcode code) {
    const auto known = by_handle_.extract(easy);
    if (!known)
      return;
    auto& [at, link] = known.mapped();
    link->tls().connected(code, now);
    advance(*at, *link, now);
  });
}

void http2_links::advance(host& at, http2_link& link, time_point now) {
  auto& tls = link.tls();
  if (tls.socket() != CURL_SOCKET_BAD)
    by_socket_[tls.socket()] = {&at, &link};
  if (tls.now() == upstream_link::state::failed) {
    connect_failed(at, link, now);
  } else if (tls.now() == upstream_link::state::open) {
    address_told_(tls.name(), tls.address());
    if (!tls.speaks_http2()) {
      take_as_http1(at, link, now);
      return;
    }
    at.speaks_http2 = true;
    link.open(now);
  }
}

void http2_links::take_as_http1(host& at, http2_link& link, time_point now) {
  if (without_.size() >= hosts_max)
    without_.clear();
  without_[at.name] = now + without_for;
  at.speaks_http2 = false;
  by_socket_.erase(link.tls().socket());
  auto tls = link.release();
  for (auto& stream : std::exchange(at.waiting, {})) {
    deadlines_.erase({stream->until, stream.get()});
    // It was not used yet: good enough for a clone.
    otherwise_.push_back({std::move(stream->work), std::move(tls)});
  }
}

void http2_links::connect_failed(host& at, http2_link& link, time_point now) {
  link.take_streams(); // has none; it is over
  at.speaks_http2 = false;
  const bool others =
    std::any_of(at.links.begin(), at.links.end(), [](const auto& each) {
      return each->takes_more() || each->now() == http2_link::state::connecting;
    });
  if (others)
    return;
  const auto& why = link.tls().why_not();
  if (why.kind == error_kind::connect_failed)
    address_told_(link.tls().name(), "");
  for (auto& stream : std::exchange(at.waiting, {})) {
    auto done = stream->failed(why.kind, why.detail, now);
    end(std::move(stream), std::move(done));
  }
}

void http2_links::fail_to_connect(stream_ptr stream, time_point now) {
  auto done =
    stream->failed(error_kind::connect_failed,
                   clause_of(error_kind::connect_failed) + " ("
                     + curl_easy_strerror(CURLE_OPERATION_TIMEDOUT) + ")",
                   now);
  end(std::move(stream), std::move(done));
}

void http2_links::end(stream_ptr stream, exchange done) {
  deadlines_.erase({stream->until, stream.get()});
  ended_.push_back({std::move(stream->work), std::move(done)});
}

void http2_links::refuse(stream_ptr stream) {
  if (++stream->refusals < refusals_max) {
    host_of(*stream).waiting.push_front(std::move(stream));
    return;
  }
  auto done = stream->failed(
    error_kind::connect_failed,
    "the upstream refused the request on each of several connections", {});
  end(std::move(stream), std::move(done));
}

void http2_links::expire(time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    auto* late = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    if (late->link != nullptr) {
      late->link->time_out(*late, now);
      continue;
    }
    auto& waiting = host_of(*late).waiting;
    const auto found =
      std::find_if(waiting.begin(), waiting.end(),
                   [late](const auto& each) { return each.get() == late; });
    if (found == waiting.end())
      continue;
    auto stream = std::move(*found);
    waiting.erase(found);
    fail_to_connect(std::move(stream), now);
  }
}

void http2_links::tick(time_point now) {
  for (auto& lane : lanes_) {
    lane.tick(now);
    take_connected(lane, now);
  }
  expire(now);
  take_back();
  sweep(now);
}

void http2_links::take_back() {
  for (auto& stream : std::exchange(refused_, {}))
    refuse(std::move(stream));
  for (auto& stream : std::exchange(want_http1_, {})) {
    deadlines_.erase({stream->until, stream.get()});
    otherwise_.push_back({std::move(stream->work), nullptr});
  }
}

void http2_links::sweep(time_point now) {
  for (auto each = hosts_.begin(); each != hosts_.end();) {
    auto& at = each->second;
    for (auto& link : at.links) {
      if (link->now() == http2_link::state::connecting
          && now >= link->tls().connect_end()) {
        by_handle_.erase(link->tls().easy());
        link->tls().time_out();
        connect_failed(at, *link, now);
      }
      link->tick(now);
      const auto kept = may_keep_ ? idle_link_max : 0s;
      if (link->now() == http2_link::state::open && link->is_idle()
          && (!link->takes_more() || now - link->idle_since() >= kept))
        link->lose("it was closed", now);
    }
    std::erase_if(at.links, [this](const auto& link) {
      if (link->now() != http2_link::state::over)
        return false;
      if (link->has_tls()) {
        by_socket_.erase(link->tls().socket());
        by_handle_.erase(link->tls().easy());
      }
      return true;
    });
    serve(at, now);
    const bool is_needed = !at.links.empty() || !at.waiting.empty();
    each = !is_needed && (!at.speaks_http2 || hosts_.size() > hosts_max)
           ? hosts_.erase(each)
           : std::next(each);
  }
}

std::optional<http2_links::time_point> http2_links::next_tick() const {
  if (!refused_.empty() || !want_http1_.empty() || !ended_.empty())
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
  for (const auto& [name, at] : hosts_)
    for (const auto& link : at.links) {
      not_after(link->next_tick());
      if (link->now() == http2_link::state::connecting)
        not_after(link->tls().connect_end());
      if (link->now() == http2_link::state::open && link->is_idle())
        not_after(link->idle_since() + idle_link_max);
    }
  return next;
}

std::vector<http2_links::ended_call> http2_links::take_ended() {
  return std::exchange(ended_, {});
}

std::vector<http2_links::other_call> http2_links::take_otherwise() {
  return std::exchange(otherwise_, {});
}

std::vector<http2_links::ended_call>
http2_links::give_up_all(error_kind kind, const std::string& why,
                         time_point now) {
  take_back();
  auto all = std::exchange(ended_, {});
  for (auto& [work, link] : std::exchange(otherwise_, {})) {
    auto done = transfer::give_up(kind, why);
    all.push_back({std::move(work), std::move(done)});
  }
  const auto give_up = [&](stream_ptr stream) {
    auto done = stream->failed(kind, why, now);
    all.push_back({std::move(stream->work), std::move(done)});
  };
  for (auto& [name, at] : hosts_) {
    for (auto& stream : std::exchange(at.waiting, {}))
      give_up(std::move(stream));
    for (auto& link : at.links)
      for (auto& stream : link->take_streams())
        give_up(std::move(stream));
  }
  deadlines_.clear();
  by_socket_.clear();
  by_handle_.clear();
  hosts_.clear();
  return all;
}

} // namespace handoff
