#pragma once

#include "http/outbound/call_answer.hpp"
#include "http/outbound/transfer.hpp"
#include "http/outbound/upstream_link.hpp"

#include <http_parser.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// One call as HTTP/1.1 (RFC 9112) on a connection that carries nothing else
/// meanwhile: from when it is asked for until its answer is whole, which
/// http_parser reads.
class http1_call {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `was_used`: `link` has carried another call.
  http1_call(std::unique_ptr<transfer> work,
             std::unique_ptr<upstream_link> link, bool was_used,
             time_point now);

  http1_call(const http1_call&) = delete;
  http1_call& operator=(const http1_call&) = delete;

  upstream_link& link() noexcept { return *link_; }

  bool is_sent() const noexcept { return sent_; }

  /// The socket is ready, or the connection has got on. What came of the call,
  /// if it is over.
  std::optional<exchange> go_on(time_point now);

  /// When `time_out` is to be called.
  time_point next_deadline() const noexcept;
  exchange time_out(time_point now);

  exchange failed(error_kind kind, std::string detail, time_point now) const;

  std::unique_ptr<transfer> take_work() noexcept { return std::move(work_); }

  /// The connection, if it may carry another call now that this one is over;
  /// else null.
  std::unique_ptr<upstream_link> take_link();

  transfer& work() noexcept { return *work_; }

  /// Whether its connection is open and has carried no other call.
  bool is_on_new_link() const noexcept {
    return !was_used_ && link_->now() == upstream_link::state::open;
  }

  /// Whether it ended, by `done`, as a call does whose connection the upstream
  /// closed while it was idle, and is to be made once more on another: a
  /// sub-action over TLS.
  bool is_to_be_repeated(const exchange& done) const noexcept;

  /// Makes it once more, on `link`, which is new. Its time goes on.
  void repeat(std::unique_ptr<upstream_link> link);

  time_point deadline; ///< the owner's: what it last set

private:
  struct callbacks;

  /// Whether it may be written now; see `outbound_options::may_call`.
  bool may_send() const;
  std::optional<exchange> write(time_point now);
  std::optional<exchange> read(time_point now);
  std::optional<exchange> parse(std::string_view bytes, time_point now);
  exchange not_connected(time_point now) const;
  std::string why_malformed(http_errno wrong) const;
  /// The connection ended before the answer was whole.
  exchange cut_off(const std::string& why, time_point now) const;
  exchange lost(const std::string& why, time_point now) const;
  void end_field();
  void begin_to_read();

  std::unique_ptr<transfer> work_;
  std::unique_ptr<upstream_link> link_;
  const time_point begun_;
  const time_point until_;
  bool was_used_;
  bool is_repeated_ = false;
  bool sent_ = false;         ///< a byte of it may have gone out
  bool write_failed_ = false; ///< there may be an answer for all that
  bool has_more_ = false;     ///< bytes came after the answer
  std::string out_;           ///< the head, perhaps with the body
  std::string_view rest_;     ///< what is still to be written
  std::string_view body_;     ///< what follows that
  http_parser parser_;
  call_answer answer_;
  std::string field_name_;
  std::string field_value_;
  bool in_value_ = false;
  std::size_t answer_bytes_ = 0; ///< all that came
  bool has_codings_ = false;     ///< of the transfer, beside "chunked"
  bool too_large_ = false;
  bool complete_ = false;
};

} // namespace handoff
