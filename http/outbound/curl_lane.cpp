#include "http/outbound/curl_lane.hpp"

#include <new>

namespace handoff {

namespace {

/// Far more connections than there can be: libcurl must close none for want of
/// room.
constexpr long unbounded_connections = 1'000'000;

} // namespace

int curl_lane::on_socket(CURL*, curl_socket_t fd, int what, void* of,
                         void*) noexcept {
  auto& lane = *static_cast<curl_lane*>(of);
  lane.sockets_.want(fd, what, lane.tag_);
  return 0;
}

int curl_lane::on_timer(CURLM*, long milliseconds, void* of) noexcept {
  auto& timer = static_cast<curl_lane*>(of)->timer_;
  if (milliseconds < 0)
    timer.reset();
  else
    timer = std::chrono::steady_clock::now()
          + std::chrono::milliseconds{milliseconds};
  return 0;
}

curl_lane::curl_lane(socket_watch& by, std::uint32_t its_tag)
    : sockets_{by}, tag_{its_tag}, multi_{curl_multi_init()} {
  if (multi_ == nullptr)
    throw std::bad_alloc{};
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, unbounded_connections);
  // The governor limits calls; libcurl must not queue them a second time, where
  // nothing would count them.
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
}

void curl_lane::add(CURL* easy) {
  curl_multi_add_handle(multi_.get(), easy);
}

void curl_lane::remove(CURL* easy) {
  curl_multi_remove_handle(multi_.get(), easy);
}

void curl_lane::socket_ready(curl_socket_t fd, int mask) {
  if (!sockets_.is_wanted(fd))
    return;
  int running = 0;
  curl_multi_socket_action(multi_.get(), fd, mask, &running);
}

void curl_lane::tick(time_point now) {
  if (!timer_ || *timer_ > now)
    return;
  // libcurl sets it anew from inside if there is more to come.
  timer_.reset();
  int running = 0;
  curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
}

} // namespace handoff
