#pragma once

#include "http/front_door/descriptors.hpp"
#include "http/outbound/call_check.hpp"
#include "http/outbound/call_profile.hpp"
#include "http/outbound/call_turns.hpp"
#include "http/outbound/outbound_client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// One outbound call: from when it is asked for until its completion is told.
class transfer {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `to` is where the call goes; its origin is null where it cannot be sent.
  transfer(outbound_call_ptr call, call_target to,
           outbound_client::completion done,
           std::shared_ptr<call_profile> profile);

  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  const outbound_call& call() const noexcept { return *call_; }

  const call_origin& origin() const noexcept { return *target_.origin; }

  const std::string& path() const noexcept { return target_.path; }

  /// Calls of the same may share a connection, one after the other.
  const std::string& way() const noexcept { return way_; }

  const outbound_options& options() const noexcept { return profile_->options; }

  const std::shared_ptr<call_profile>& shared_profile() const noexcept {
    return profile_;
  }

  /// The token that the call has in it, which the answer must not repeat.
  void made_with(std::uint64_t number, std::string token) {
    token_number_ = number;
    token_ = std::move(token);
  }

  /// Where its connection goes: the addresses of the target's name, one of
  /// which will do.
  void connect_to(const std::vector<std::string>& addresses);

  /// The target's addresses as CURLOPT_RESOLVE takes them; empty if libcurl
  /// needs none.
  const std::string& address_line() const noexcept { return address_line_; }

  /// Where the call's socket has its descriptor. Once; then none.
  socket_place take_place();

  /// What came of it: its upstream's name stands for nothing.
  exchange not_resolved(time_point now);

  /// What came of it: nothing, as it was not begun.
  static exchange give_up(error_kind kind, std::string detail);

  /// Gives its turn back and tells the completion.
  void tell(exchange done);

  /// Why a request was not written after all; see `outbound_options::may_call`.
  static constexpr const char* held_back_detail =
    "the lease of this node is in doubt";

private:
  outbound_call_ptr call_;
  governed_turn* turn_; ///< that of the call; may be null
  call_target target_;
  std::string way_;
  outbound_client::completion done_;
  std::shared_ptr<call_profile> profile_;
  std::uint64_t token_number_ = 0;
  std::string token_;
  std::string address_line_;
};

} // namespace handoff
