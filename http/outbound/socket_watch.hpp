#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <vector>

namespace handoff {

/// Has libcurl's sockets watched by epoll(7), with as few calls of it as there
/// can be: libcurl lets go of a socket after each exchange and wants it again
/// for the next one on the same connection, mostly for the same. So a
/// connection that is let go of stays watched until it says something or is
/// closed. Not thread-safe.
///
/// There are two instances of epoll, for sockets that are served first and for
/// others; the lowest bit of a mark says which, 0 being the former.
class socket_watch {
public:
  socket_watch(int epoll_first, int epoll_others)
      : epolls_{epoll_first, epoll_others} {}

  /// `fd` is a connection's, whose end `closed` will tell. Of others, those of
  /// libcurl's resolver, nobody tells.
  void opened(curl_socket_t fd) noexcept { at(fd) = {.is_connection = true}; }

  /// `what` is CURL_POLL_IN, _OUT, _INOUT or _REMOVE; what happens is told with
  /// `mark` in the upper half of the event's data and `fd` in the lower.
  void want(curl_socket_t fd, int what, std::uint32_t mark) noexcept;

  /// Whether libcurl wants to hear of `fd`, which epoll has told of. If not, it
  /// is not told of any more.
  bool is_wanted(curl_socket_t fd) noexcept;

  /// `fd` is about to be closed, upon which epoll forgets it.
  void closed(curl_socket_t fd) noexcept { at(fd) = {}; }

private:
  struct watched {
    std::uint32_t events = 0; ///< that epoll waits for; 0: it does not know it
    std::uint32_t mark = 0;
    bool is_wanted = false;
    bool is_connection = false;
  };

  watched& at(curl_socket_t fd) noexcept;
  void stop_watching(curl_socket_t fd, watched& known) noexcept;

  int epoll_of(std::uint32_t mark) const { return epolls_[mark & 1U]; }

  std::array<int, 2> epolls_;
  std::vector<watched> sockets_; ///< by descriptor
};

} // namespace handoff
