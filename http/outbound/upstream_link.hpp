#pragma once

#include "http/front_door/descriptors.hpp"
#include "http/outbound/call_profile.hpp"
#include "http/outbound/curl_lane.hpp"
#include "http/outbound/tls_context.hpp"
#include "http/outbound/transfer.hpp"
#include "job/error.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace handoff {

/// A connection to an upstream, over TLS or not. libcurl connects it: addresses
/// in turn, a proxy. Then it is this object's, and OpenSSL speaks on it where
/// that is asked for, with what all connections of the profile have in common
/// (`tls_context`).
///
/// For the outbound loop's thread alone. Its socket is watched with the lane's
/// mark.
class upstream_link {
public:
  using time_point = std::chrono::steady_clock::time_point;

  enum class state { connecting, shaking_hands, open, failed };

  /// What came of reading or writing.
  enum class io {
    done,
    again, ///< once the socket is ready
    ended, ///< the upstream has said that it sends nothing more
    lost,
  };

  /// Begins to connect for `first`, whose place for a socket it takes, in
  /// `lane`, which outlives it or `connected`.
  upstream_link(transfer& first, curl_lane& lane, socket_watch& sockets,
                bool offers_http2, time_point now);
  ~upstream_link();

  upstream_link(const upstream_link&) = delete;
  upstream_link& operator=(const upstream_link&) = delete;

  state now() const noexcept { return state_; }

  /// libcurl's handle while it is `connecting`, else null.
  CURL* easy() const noexcept { return easy_.get(); }

  /// CURL_SOCKET_BAD while it is `connecting`.
  curl_socket_t socket() const noexcept { return socket_; }

  /// libcurl is done with connecting.
  void connected(CURLcode code, time_point now);

  /// The socket is ready during the handshake.
  void shake_hands(time_point now);

  /// When it fails if it is not open until then.
  time_point connect_end() const noexcept { return connect_end_; }

  void time_out();

  /// Why it has failed.
  const error& why_not() const noexcept { return *why_not_; }

  const outbound_options& options() const noexcept { return profile_->options; }

  bool speaks_http2() const noexcept { return speaks_http2_; }

  const std::string& name() const noexcept { return name_; } ///< upstream's

  const std::string& address() const noexcept { return address_; }

  /// Why the upstream refused this side after the handshake, as TLS 1.3 has it
  /// of client certificates (RFC 8446, section 4.4.2.4): it processed nothing
  /// of what was sent before. Null: it did not.
  const std::optional<error>& refusal() const noexcept { return refusal_; }

  /// Whether it is open and the upstream has said nothing that is still to be
  /// read.
  bool is_quiet();

  /// Reads at most `size` bytes, writes as many as the socket takes; `count`
  /// says how many.
  io read(char* to, std::size_t size, std::size_t& count);
  io write(std::string_view from, std::size_t& count);

  /// Has the socket watched for input, with `output` for room as well.
  void watch(bool output);

  /// From now on it is watched with this mark.
  void watch_as(std::uint32_t tag) noexcept { tag_ = tag; }

private:
  struct callbacks;

  void begin_to_connect(transfer& first);
  curl_socket_t open_socket(const curl_sockaddr& to) noexcept;
  int close_socket(curl_socket_t fd) noexcept;
  void give_back_handle();
  void fail(CURLcode code, long verdict = 0);
  void opened();
  io outcome_of(int returned);
  io outcome_of_socket(ssize_t returned, std::size_t& count);

  curl_lane* lane_; ///< while it is connecting
  socket_watch& sockets_;
  std::uint32_t tag_;
  const std::shared_ptr<call_profile> profile_;
  const std::string upstream_; ///< scheme://name:port
  const std::string name_;
  const bool is_tls_;
  const std::string certified_name_; ///< in ASCII
  const bool offers_http2_;
  const time_point connect_end_;
  curl_lines resolved_;
  socket_place place_;
  std::unique_ptr<std::array<char, CURL_ERROR_SIZE>> curl_says_;
  bool no_descriptor_ = false;    ///< for at least one socket
  bool address_refused_ = false;  ///< at least one, by policy
  bool address_accepted_ = false; ///< at least one
  curl_easy easy_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;
  std::string address_;
  ssl_ptr ssl_; ///< null without TLS
  state state_ = state::connecting;
  bool speaks_http2_ = false;
  std::optional<error> why_not_;
  std::optional<error> refusal_;
};

} // namespace handoff
