#pragma once

#include "http/outbound/curl_handle.hpp"
#include "http/outbound/socket_watch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace handoff {

/// One of libcurl's multi handles, which connects: to addresses in turn,
/// through a proxy. Connections that stand are their owners', not
/// libcurl's: 7.88 looks through all that it has to a host for each that comes
/// and goes. Not thread-safe.
class curl_lane {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Has its sockets watched by `by`, marked with `its_tag`.
  curl_lane(socket_watch& by, std::uint32_t its_tag);

  curl_lane(const curl_lane&) = delete;
  curl_lane& operator=(const curl_lane&) = delete;

  std::uint32_t tag() const noexcept { return tag_; }

  /// Begins to connect by `easy`, which stays where it is until `remove`.
  void add(CURL* easy);
  void remove(CURL* easy);

  /// A socket of libcurl's has something for it.
  void socket_ready(curl_socket_t fd, int mask);

  /// Lets libcurl do what is due.
  void tick(time_point now);

  std::optional<time_point> next_tick() const noexcept { return timer_; }

  /// Calls `done` with each handle that has connected or failed, and libcurl's
  /// code for it.
  template <class Done>
  void each_done(Done done) {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi_.get(), &left))
      if (message->msg == CURLMSG_DONE)
        done(message->easy_handle, message->data.result);
  }

private:
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* of,
                       void* ignored) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* of) noexcept;

  socket_watch& sockets_;
  const std::uint32_t tag_;
  std::optional<time_point> timer_; ///< libcurl writes it to the end
  curl_multi multi_;
};

} // namespace handoff
