#include "http/outbound/socket_watch.hpp"

#include <cstddef>
#include <sys/epoll.h>
#include <utility>

namespace handoff {

socket_watch::watched& socket_watch::at(curl_socket_t fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= sockets_.size())
    sockets_.resize(index + 1);
  return sockets_[index];
}

void socket_watch::stop_watching(curl_socket_t fd, watched& known) noexcept {
  if (std::exchange(known.events, 0U) != 0)
    epoll_ctl(epoll_of(known.mark), EPOLL_CTL_DEL, fd, nullptr);
}

void socket_watch::want(curl_socket_t fd, int what,
                        std::uint32_t mark) noexcept {
  auto& known = at(fd);
  known.is_wanted = what != CURL_POLL_REMOVE;
  if (!known.is_wanted) {
    if (!known.is_connection)
      stop_watching(fd, known);
    return;
  }
  epoll_event event{};
  event.data.u64 = std::uint64_t{mark} << 32U | static_cast<std::uint32_t>(fd);
  if ((what & CURL_POLL_IN) != 0)
    event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0)
    event.events |= EPOLLOUT;
  if (known.events == event.events && known.mark == mark)
    return;
  if (epoll_of(known.mark) != epoll_of(mark))
    stop_watching(fd, known);
  epoll_ctl(epoll_of(mark), known.events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
            fd, &event);
  known.events = event.events;
  known.mark = mark;
}

bool socket_watch::is_wanted(curl_socket_t fd) noexcept {
  auto& known = at(fd);
  // An idle connection that the other side closes would say so until it is
  // closed here as well, which libcurl does when it looks at it next.
  if (!known.is_wanted)
    stop_watching(fd, known);
  return known.is_wanted;
}

} // namespace handoff
