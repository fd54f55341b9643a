#include "http/outbound/curl_lanes.hpp"

#include <algorithm>
#include <new>

namespace handoff {

namespace {

using clock = std::chrono::steady_clock;

/// Connections of a lane, those in use among them, beyond which the one that
/// is idle for the longest is closed.
constexpr long connections_max = curl_lanes::calls_max;

int on_socket(CURL*, curl_socket_t fd, int what, void* of, void*) noexcept {
  auto& lane = *static_cast<curl_lane*>(of);
  lane.sockets.want(fd, what, lane.tag);
  return 0;
}

int on_timer(CURLM*, long milliseconds, void* of) noexcept {
  auto& timer = static_cast<curl_lane*>(of)->timer;
  if (milliseconds < 0)
    timer.reset();
  else
    timer = clock::now() + std::chrono::milliseconds{milliseconds};
  return 0;
}

} // namespace

curl_lane::curl_lane(socket_watch& by, std::uint32_t its_tag)
    : sockets{by}, tag{its_tag}, multi{curl_multi_init()} {
  if (multi == nullptr)
    throw std::bad_alloc{};
  curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, this);
  // The governor limits calls; libcurl must not queue them a second time, where
  // nobody would count them.
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, connections_max);
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
}

curl_lane& curl_lanes::with_room(call_class purpose) {
  const std::uint32_t which = purpose == call_class::clone ? 0 : 1;
  auto& lanes = lanes_[which];
  const auto found =
    std::find_if(lanes.begin(), lanes.end(),
                 [](const auto& each) { return each->calls < calls_max; });
  if (found != lanes.end())
    return **found;
  const auto number = static_cast<std::uint32_t>(lanes.size());
  lanes.push_back(std::make_unique<curl_lane>(sockets_, number << 1U | which));
  return *lanes.back();
}

void curl_lanes::socket_ready(std::uint64_t data, int mask) {
  const auto tag = data >> 32U;
  const auto& lanes = lanes_[tag & 1U];
  // What a lane has left behind in this round of epoll.
  if (tag >> 1U >= lanes.size())
    return;
  const auto fd = static_cast<int>(static_cast<std::uint32_t>(data));
  if (!sockets_.is_wanted(fd))
    return;
  int running = 0;
  curl_multi_socket_action(lanes[tag >> 1U]->multi.get(), fd, mask, &running);
}

void curl_lanes::tick(time_point now) {
  each([now](curl_lane& lane) {
    if (!lane.timer || *lane.timer > now)
      return;
    // libcurl sets it anew from inside if there is more to come.
    lane.timer.reset();
    int running = 0;
    curl_multi_socket_action(lane.multi.get(), CURL_SOCKET_TIMEOUT, 0,
                             &running);
  });
}

std::optional<curl_lanes::time_point> curl_lanes::next_tick() const {
  std::optional<time_point> next;
  for (const auto& lanes : lanes_)
    for (const auto& lane : lanes)
      if (lane->timer && (!next || *lane->timer < *next))
        next = lane->timer;
  if (const auto& lanes = lanes_[1];
      !lanes.empty() && lanes.back()->empty_since) {
    const auto end = *lanes.back()->empty_since + kept_for_;
    next = next ? std::min(*next, end) : end;
  }
  return next;
}

void curl_lanes::trim() {
  for (auto& lanes : lanes_)
    while (lanes.size() > 1 && lanes.back()->calls == 0)
      lanes.pop_back();
}

void curl_lanes::keep_idle_for(std::chrono::milliseconds time, time_point now) {
  kept_for_ = time;
  // Those of clones are never used again, and never idle.
  auto& lanes = lanes_[1];
  for (const auto& lane : lanes) {
    // Those in use count, so that one is too many already.
    curl_multi_setopt(lane->multi.get(), CURLMOPT_MAXCONNECTS,
                      time > time.zero() ? connections_max : 1L);
    if (lane->calls > 0)
      lane->empty_since.reset();
    else if (!lane->empty_since)
      lane->empty_since = now;
  }
  while (!lanes.empty() && lanes.back()->empty_since
         && *lanes.back()->empty_since + time <= now)
    lanes.pop_back();
}

} // namespace handoff
