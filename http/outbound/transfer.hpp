#pragma once

#include "http/front_door/descriptors.hpp"
#include "http/outbound/call_check.hpp"
#include "http/outbound/call_profile.hpp"
#include "http/outbound/call_turns.hpp"
#include "http/outbound/connect_error.hpp"
#include "http/outbound/curl_handle.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/socket_watch.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// One outbound call: from when it is asked for until its completion is told.
/// What is set on libcurl's handle points into it, so it stays where it is.
class transfer {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `to` is where the call goes; its URL is null where it cannot be sent.
  transfer(outbound_call_ptr call, call_target to,
           outbound_client::completion done,
           std::shared_ptr<call_profile> profile);

  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  const outbound_call& call() const noexcept { return *call_; }

  const call_target& target() const noexcept { return target_; }

  call_profile& profile() noexcept { return *profile_; }

  std::uint64_t profile_id() const noexcept { return profile_->id; }

  const outbound_options& options() const noexcept { return options_; }

  /// The token that the call has in it, which the answer must not repeat.
  void made_with(std::uint64_t number, std::string token) {
    token_number_ = number;
    token_ = std::move(token);
  }

  /// Where its connection goes: the addresses of the target's name, one of
  /// which will do. `generation` is that of the connections to its host: only
  /// one that was opened by a call of the same is used again.
  void connect_to(const std::vector<std::string>& addresses,
                  std::uint64_t generation);

  std::uint64_t generation() const noexcept { return generation_; }

  /// The target's addresses as CURLOPT_RESOLVE takes them; empty if libcurl
  /// needs none.
  std::string address_line() const;

  /// Whether it can be made on a `tls_link`: over TLS, and without a user's
  /// name in its URL, of which libcurl makes a field.
  bool is_for_tls_link() const;

  /// Where the call's socket has its descriptor. Once; then none.
  socket_place take_place();

  const std::shared_ptr<call_profile>& shared_profile() const noexcept {
    return profile_;
  }

  /// The address of the connection that it opened; empty if it opened none.
  std::string new_address() const;

  /// Sets on a new handle what all calls have in common. TLS sessions are kept
  /// in `share`; `sockets` hears of the sockets that are closed. `profile`
  /// outlives the handle.
  static CURLcode configure(CURL* easy, call_profile& profile, CURLSH* share,
                            socket_watch& sockets);

  /// Makes `easy`, which is configured and may have made another call before,
  /// ready to carry this one out. Not CURLE_OK: nothing was sent and nothing
  /// will be.
  CURLcode prepare(curl_easy easy, socket_watch& sockets, time_point now);

  CURL* easy() const noexcept { return easy_.get(); }

  /// Gives the handle back for another call.
  curl_easy release_easy() noexcept { return std::move(easy_); }

  /// What came of it, once libcurl is done with it.
  exchange finish(CURLcode code, time_point now);

  /// What came of it: its upstream's name stands for nothing.
  exchange not_resolved(time_point now);

  /// What came of it, given up by this side.
  exchange give_up(error_kind kind, std::string detail, time_point now);

  /// Gives its turn back and tells the completion.
  void tell(exchange done);

  /// Why a request was not written after all; see `outbound_options::may_call`.
  static constexpr const char* held_back_detail =
    "the lease of this node is in doubt";

  // What libcurl calls; public because its C functions need to reach them.

  /// The request is about to be written. False: it must not be.
  bool about_to_send() noexcept;

  /// Another line of the answer's header. False: abort.
  bool header_line(std::string_view line);

  /// Another piece of the answer's body. False: abort.
  bool body_piece(std::string_view piece);

  /// The socket of a connection to `to`; CURL_SOCKET_BAD where none may be made
  /// or none is to be had.
  curl_socket_t open_socket(const curl_sockaddr& to) noexcept;

private:
  void collect_headers();
  template <class T>
  void set(CURLoption option, T value);
  void set_message();
  void set_connection();
  bool header_complete();
  bool may_connect(const sockaddr* address) noexcept;
  error_kind kind_of(CURLcode code) const;
  connect_facts facts() const;
  std::string detail_of(CURLcode code, error_kind kind) const;
  exchange ended(time_point now) const;

  outbound_call_ptr call_;
  governed_turn* turn_; ///< that of the call; may be null
  call_target target_;
  outbound_client::completion done_;
  std::shared_ptr<call_profile> profile_;
  const outbound_options& options_; ///< those of the profile
  std::uint64_t token_number_ = 0;
  std::string token_;
  socket_watch* sockets_ = nullptr; ///< that of `prepare`
  curl_lines request_headers_;
  curl_lines resolved_;   ///< the target's addresses
  curl_lines connect_to_; ///< and the name that they are kept under
  std::string addresses_; ///< one after the other, with commas between them
  std::uint64_t generation_ = 0;
  std::array<char, CURL_ERROR_SIZE> curl_says_{};
  CURLcode prepared_ = CURLE_OK;
  time_point started_;
  headers answer_headers_;
  std::string answer_body_;
  std::size_t header_bytes_ = 0;
  bool sent_ = false;             ///< a byte may have gone out
  bool may_repeat_ = false;       ///< libcurl may send it again
  bool repeat_ = false;           ///< it meant to, and must not
  bool too_large_ = false;        ///< the answer
  bool answered_ = false;         ///< the final answer's header is complete
  bool address_refused_ = false;  ///< at least one address
  bool address_accepted_ = false; ///< at least one address
  bool no_descriptor_ = false;    ///< for at least one socket
  bool held_back_ = false;        ///< this node may begin no call
  socket_place place_;
  // The last member, so that libcurl lets go before the rest goes.
  curl_easy easy_;
};

} // namespace handoff
