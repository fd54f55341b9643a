#pragma once

#include "http/outbound/call_answer.hpp"
#include "http/outbound/tls_link.hpp"
#include "http/outbound/transfer.hpp"

#include <http_parser.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// One call as HTTP/1.1 (RFC 9112) on a connection of its own: from when it is
/// asked for until its answer is whole, which http_parser reads.
class http1_call {
public:
  using time_point = std::chrono::steady_clock::time_point;

  http1_call(std::unique_ptr<transfer> work, std::unique_ptr<tls_link> link,
             time_point now);

  http1_call(const http1_call&) = delete;
  http1_call& operator=(const http1_call&) = delete;

  tls_link& link() noexcept { return *link_; }

  bool is_sent() const noexcept { return sent_; }

  /// The socket is ready, or the connection has got on. What came of the call,
  /// if it is over.
  std::optional<exchange> go_on(time_point now);

  /// When `time_out` is to be called.
  time_point next_deadline() const noexcept;
  exchange time_out(time_point now);

  exchange failed(error_kind kind, std::string detail, time_point now) const;

  std::unique_ptr<transfer> take_work() noexcept { return std::move(work_); }

  time_point deadline; ///< the owner's: what it last set

private:
  struct callbacks;

  /// Whether it may be written now; see `outbound_options::may_call`.
  bool may_send() const;
  std::optional<exchange> write(time_point now);
  std::optional<exchange> read(time_point now);
  std::optional<exchange> parse(std::string_view bytes, time_point now);
  exchange lost(const std::string& why, time_point now) const;
  void end_field();

  std::unique_ptr<transfer> work_;
  std::unique_ptr<tls_link> link_;
  const time_point begun_;
  const time_point until_;
  bool sent_ = false;     ///< a byte of it may have gone out
  std::string out_;       ///< the head, perhaps with the body
  std::string_view rest_; ///< what is still to be written
  std::string_view body_; ///< what follows that
  http_parser parser_;
  call_answer answer_;
  std::string field_name_;
  std::string field_value_;
  bool in_value_ = false;
  bool too_large_ = false;
  bool complete_ = false;
};

} // namespace handoff
