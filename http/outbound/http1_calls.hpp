#pragma once

#include "http/outbound/curl_lane.hpp"
#include "http/outbound/idle_links.hpp"
#include "http/outbound/transfer.hpp"
#include "http/outbound/upstream_link.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

class http1_call;

/// Calls as HTTP/1.1 (RFC 9112). A clone has a connection of its own that was
/// never used before, so that none can be in doubt for a connection that the
/// upstream closes when it is idle. Sub-actions use connections again.
///
/// For the outbound loop's thread alone.
class http1_calls {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// In the upper half of what epoll says of its sockets: that, or one more.
  static constexpr std::uint32_t mark = 0xffff'ffe0U;

  static bool is_of(std::uint64_t epoll_data) noexcept {
    return epoll_data >> 33U == mark >> 1U;
  }

  struct ended_call {
    std::unique_ptr<transfer> work;
    exchange done;
  };

  /// Told of a connection that came about to `address` of `name`.
  using address_told =
    std::function<void(const std::string& name, const std::string& address)>;

  http1_calls(socket_watch& sockets, address_told told);
  ~http1_calls();

  http1_calls(const http1_calls&) = delete;
  http1_calls& operator=(const http1_calls&) = delete;

  /// Makes it, on `link` if there is one, which is open and was not used.
  void take(std::unique_ptr<transfer> work, std::unique_ptr<upstream_link> link,
            time_point now);

  void socket_ready(std::uint64_t epoll_data, int mask);

  /// Lets libcurl, and what has a time, do what is due.
  void tick(time_point now);
  std::optional<time_point> next_tick() const;

  /// Whether connections are kept that carry no call.
  void keep_idle(bool may_keep);

  /// What has ended since.
  std::vector<ended_call> take_ended();

  /// Ends all that are under way, and takes nothing more.
  std::vector<ended_call> give_up_all(error_kind kind, const std::string& why,
                                      time_point now);

private:
  curl_lane& lane_for(call_class purpose);
  std::unique_ptr<upstream_link> new_link(transfer& work, time_point now);
  void connect(http1_call& of, time_point now);
  void take_connected(curl_lane& from, time_point now);
  /// After the connection has got on.
  void go_on(http1_call& of, time_point now);
  void forget(http1_call& of);
  void end(http1_call& of, exchange done, time_point now);
  void set_deadline(http1_call& of);
  void expire(time_point now);

  socket_watch& sockets_;
  const address_told address_told_;
  std::array<curl_lane, 2> lanes_; ///< connect: clones, sub-actions
  idle_links idle_;                ///< of sub-actions
  bool may_keep_ = true;
  std::unordered_map<http1_call*, std::unique_ptr<http1_call>> calls_;
  std::unordered_map<curl_socket_t, http1_call*> by_socket_;
  std::unordered_map<CURL*, http1_call*> by_handle_;
  std::set<std::pair<time_point, http1_call*>> deadlines_;
  std::vector<ended_call> ended_;
};

} // namespace handoff
