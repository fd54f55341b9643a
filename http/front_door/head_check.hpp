#pragma once

#include "job/error.hpp"
#include "job/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// What a request may take up, in bytes; every excess has its own status.
struct input_limits {
  std::size_t max_body = 1'048'576; ///< 413
  /// The setting that sets the limit, for the message; empty: there is none.
  std::string_view max_body_key = {};
  std::size_t max_headers = 65'536; ///< 431; the header section
  std::size_t max_target = 8'192;   ///< 414
  std::size_t max_fields = 100;     ///< 431
};

/// What a body of more than `max_body` bytes is told.
std::string too_large_body(std::size_t max_body, std::string_view key);

/// The head of a request, of which one reading only is possible.
struct request_head {
  std::string method;
  /// In origin-form, or the "*" of OPTIONS. The host of one that came in
  /// absolute-form is the value of Host.
  std::string target;
  handoff::headers fields;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool wants_continue = false;
  std::uint64_t content_length = 0;
};

/// Splits one line of a header or trailer section (RFC 9112, section 5) into
/// name and value. Fails on folding, on a space before the colon and on a name
/// that is no token.
result<header> read_field(std::string_view line);

/// Whether `c` may stand in a header value or a chunk extension.
bool is_field_byte(char c) noexcept;

/// Reads the head of one request more strictly than http_parser does: what two
/// parsers could take for two things is refused (RFC 9112, section 11.2).
///
/// The outcome depends on the bytes only, not on how they were cut in pieces.
class head_check {
public:
  explicit head_check(input_limits limits);

  /// Takes bytes up to and including the empty line that ends the head, or
  /// until the first fault. Returns how many it took.
  std::size_t feed(std::string_view bytes);

  /// Whether any byte of a request has come.
  bool begun() const noexcept { return begun_; }

  bool complete() const noexcept { return complete_; }

  /// Whether all of the head has come, whatever is wrong with what it says.
  bool ended() const noexcept { return ended_; }

  const std::optional<error>& failure() const noexcept { return failure_; }

  /// The bytes of the head, from the method to the empty line.
  const std::string& raw() const noexcept { return raw_; }

  request_head& head() noexcept { return head_; }

  const request_head& head() const noexcept { return head_; }

private:
  bool take(char c);
  bool take_request_line_byte(char c);
  bool end_line();
  bool read_request_line(std::string_view line);
  bool read_target();
  bool check_head();
  void read_connection();
  bool check_host();
  bool check_framing();
  bool check_expectation();
  bool fail(error_kind kind, std::string_view detail);
  std::size_t count(std::string_view field) const noexcept;

  input_limits limits_;
  std::string raw_;
  std::size_t line_start_ = 0;
  std::size_t part_bytes_ = 0; // of the part of the request line being read
  int part_ = 0;               // 0 the method, 1 the target, 2 the version
  std::size_t section_bytes_ = 0;
  bool in_fields_ = false;
  bool after_cr_ = false;
  bool begun_ = false;
  bool blank_skipped_ = false;
  bool complete_ = false;
  bool ended_ = false;
  std::string target_host_; // of a target in absolute-form
  request_head head_;
  std::optional<error> failure_;
};

} // namespace handoff
