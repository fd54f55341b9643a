#pragma once

#include "http/outbound/curl_handle.hpp"
#include "http/outbound/socket_watch.hpp"
#include "job/exchange.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace handoff {

/// Of a handle that only connects, far more than there can be: libcurl must
/// close none for want of room.
inline constexpr long unbounded_connections = 1'000'000;

/// One of libcurl's multi handles, with the connections that it keeps.
struct curl_lane {
  using time_point = std::chrono::steady_clock::time_point;

  /// Has its sockets watched by `by`, marked with `its_tag`.
  curl_lane(socket_watch& by, std::uint32_t its_tag);

  curl_lane(const curl_lane&) = delete;
  curl_lane& operator=(const curl_lane&) = delete;

  socket_watch& sockets;
  const std::uint32_t tag;
  std::size_t calls = 0;           ///< under way; counted by the owner
  std::optional<time_point> timer; ///< libcurl writes it to the end
  std::optional<time_point> empty_since;
  curl_multi multi;
};

/// Spreads calls over multi handles, so that none has many: libcurl 7.88 looks
/// through all connections to a host, those in use among them, for each call
/// that may use one again (`ConnectionExists`), for each that ends and leaves
/// more than may be kept (`Curl_conncache_extract_oldest`) and for each that it
/// closes (`bundle_remove_conn`). With thousands at one host, that is all that
/// the loop's thread would do.
///
/// Clones, whose connections are never used again, are kept apart. A lane that
/// is full is followed by another, and the last one goes, with its connections,
/// when it has no call: few calls are all in the first, where they find the
/// connections of each other. Not thread-safe.
class curl_lanes {
public:
  using time_point = curl_lane::time_point;

  static constexpr std::size_t calls_max = 256; ///< of one lane

  /// The sockets of clones are watched by the one, those of sub-actions by the
  /// other.
  curl_lanes(int epoll_clones, int epoll_sub_actions)
      : sockets_{epoll_clones, epoll_sub_actions} {}

  curl_lanes(const curl_lanes&) = delete;
  curl_lanes& operator=(const curl_lanes&) = delete;

  /// Whom each handle has to tell when a socket is to be closed.
  socket_watch& sockets() noexcept { return sockets_; }

  /// One that has room.
  curl_lane& with_room(call_class purpose);

  /// A socket has something for libcurl; `data` is what epoll said.
  void socket_ready(std::uint64_t data, int mask);

  /// Lets libcurl do what is due.
  void tick(time_point now);
  std::optional<time_point> next_tick() const;

  template <class Visitor>
  void each(Visitor visit) {
    for (auto& lanes : lanes_)
      for (auto& lane : lanes)
        visit(*lane);
  }

  /// Lets go of the last ones that have no call. Not from within libcurl.
  void trim();

  /// Connections to be used again are kept while their lane has calls, and for
  /// that long after: libcurl closes them only when something else happens in
  /// it. Where it is 0, each call that ends closes one, too. To be called again
  /// and again, not from within libcurl.
  void keep_idle_for(std::chrono::milliseconds time, time_point now);

private:
  using line = std::vector<std::unique_ptr<curl_lane>>;

  socket_watch sockets_; // outlives the lanes, which close sockets at their end
  std::array<line, 2> lanes_; ///< of clones, of sub-actions
  std::chrono::milliseconds kept_for_{0};
};

} // namespace handoff
