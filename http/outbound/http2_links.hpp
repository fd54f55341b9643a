#pragma once

#include "http/outbound/http2_link.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// Calls over HTTP/2, for upstreams that offer it by TLS (ALPN). Each host has
/// as many connections as its calls need, those of clones apart from those of
/// sub-actions. What a connection did not take goes to another, uncounted; what
/// an upstream does not want as HTTP/2 goes back to be made otherwise.
///
/// For the outbound loop's thread alone.
class http2_links {
public:
  using time_point = http2_link::time_point;

  /// In the upper half of what epoll says of its sockets: that, or one more.
  static constexpr std::uint32_t mark = 0xffff'fff0U;

  static bool is_of(std::uint64_t epoll_data) noexcept {
    return epoll_data >> 33U == mark >> 1U;
  }

  struct ended_call {
    std::unique_ptr<transfer> work;
    exchange done;
  };

  struct other_call {
    std::unique_ptr<transfer> work;
    /// Open and not used; null: it needs one.
    std::unique_ptr<upstream_link> link;
  };

  /// Told of a connection that came about to `address` of `name`, or did not in
  /// time (an empty address).
  using address_told =
    std::function<void(const std::string& name, const std::string& address)>;

  http2_links(socket_watch& sockets, address_told told);
  ~http2_links();

  http2_links(const http2_links&) = delete;
  http2_links& operator=(const http2_links&) = delete;

  /// Whether `work` may be made over HTTP/2: by what it asks for, and by what
  /// is known of its host.
  bool may_take(const transfer& work, time_point now);

  /// Makes it, or gives it back by `take_otherwise`.
  void take(std::unique_ptr<transfer> work, time_point now);

  void socket_ready(std::uint64_t epoll_data, int mask);

  /// Lets libcurl, and what has a time, do what is due.
  void tick(time_point now);
  std::optional<time_point> next_tick() const;

  /// What has ended since.
  std::vector<ended_call> take_ended();
  /// What is to be made without HTTP/2.
  std::vector<other_call> take_otherwise();

  /// Idle connections are closed at once, or after a while.
  void keep_idle(bool may_keep) noexcept { may_keep_ = may_keep; }

  /// Ends all that wait or are under way, and takes nothing more.
  std::vector<ended_call> give_up_all(error_kind kind, const std::string& why,
                                      time_point now);

private:
  using stream_ptr = http2_link::stream_ptr;

  struct host {
    std::string name;
    call_class purpose = call_class::clone;
    bool speaks_http2 = false; ///< it did, the last time
    std::deque<stream_ptr> waiting;
    std::vector<std::unique_ptr<http2_link>> links;
  };

  host& host_of(const http2_stream& stream);
  curl_lane& lane_for(call_class purpose);
  /// Gives what waits to links that have room, and opens more.
  void serve(host& at, time_point now);
  void open_link(host& at, time_point now);
  void take_connected(curl_lane& from, time_point now);
  /// The connection of `link` has got on.
  void advance(host& at, http2_link& link, time_point now);
  void connect_failed(host& at, http2_link& link, time_point now);
  /// It stands, but not for HTTP/2.
  void take_as_http1(host& at, http2_link& link, time_point now);
  void fail_to_connect(stream_ptr stream, time_point now);
  void refuse(stream_ptr stream);
  void end(stream_ptr stream, exchange done);
  void expire(time_point now);
  void take_back();
  void sweep(time_point now);

  socket_watch& sockets_;
  const address_told address_told_;
  const http2_link::owner owner_;
  std::array<curl_lane, 2> lanes_;
  std::map<std::string, host, std::less<>> hosts_;
  /// Hosts without HTTP/2, and until when that is believed.
  std::map<std::string, time_point, std::less<>> without_;
  std::map<curl_socket_t, std::pair<host*, http2_link*>> by_socket_;
  std::map<CURL*, std::pair<host*, http2_link*>> by_handle_;
  std::set<std::pair<time_point, http2_stream*>> deadlines_;
  std::vector<ended_call> ended_;
  std::vector<other_call> otherwise_;
  std::vector<stream_ptr> refused_;
  std::vector<stream_ptr> want_http1_;
  bool may_keep_ = true;
};

} // namespace handoff
