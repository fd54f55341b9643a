#pragma once

#include "http/outbound/upstream_link.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace handoff {

/// Connections for HTTP/1.1 that have carried a call and may carry another (RFC
/// 9112, section 9.3). The newest is used first, so that few stay in use. For
/// the outbound loop's thread alone.
class idle_links {
public:
  using time_point = upstream_link::time_point;

  /// How long one is kept: below the 5 s after which common servers close an
  /// idle connection, so that this side seldom writes into one that is being
  /// closed.
  static constexpr std::chrono::milliseconds idle_max{3'000};

  /// Beyond that many, the oldest is closed.
  static constexpr std::size_t links_max = 4'096;

  /// How long the connection of an answer with these fields is kept: for less
  /// than it says in `Keep-Alive` (RFC 2068, section 19.7.1). 0: not at all.
  static std::chrono::milliseconds kept_for(const headers& fields);

  /// One to `upstream` that is open; null if there is none.
  std::unique_ptr<upstream_link> take(const std::string& upstream,
                                      time_point now);

  void add(const std::string& upstream, std::unique_ptr<upstream_link> link,
           time_point until);

  /// The socket of one has something. False: it is none of these.
  bool socket_ready(curl_socket_t fd);

  /// Closes those to `upstream`.
  void close(const std::string& upstream);
  void close_all();

  /// Closes those that were kept for long enough.
  void tick(time_point now);
  std::optional<time_point> next_tick() const;

private:
  struct kept {
    std::string upstream;
    std::unique_ptr<upstream_link> link;
    time_point until;
  };

  using place = std::list<kept>::iterator;

  std::unique_ptr<upstream_link> remove(place at);

  std::list<kept> all_; ///< the oldest first
  std::unordered_map<std::string, std::vector<place>> by_upstream_;
  std::unordered_map<curl_socket_t, place> by_socket_;
};

} // namespace handoff
