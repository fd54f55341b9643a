#pragma once

#include "job/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Checks the frames of a chunked body (RFC 9112, section 7.1), because
/// http_parser as it is shipped takes any byte for the LF behind a CR.
///
/// Chunk extensions are tolerated, trailers are checked like header fields;
/// both are bounded over the whole body, so that a sender cannot feed us for
/// ever without a byte of body.
class chunk_check {
public:
  static constexpr std::size_t extension_bytes_max = 4'096;
  static constexpr std::size_t trailer_bytes_max = 8'192;

  /// `max_body_key` as in `input_limits`.
  explicit chunk_check(std::size_t max_body, std::string_view max_body_key = {})
      : max_body_(max_body), max_body_key_(max_body_key) {}

  /// Takes bytes up to the end of the body, or until the first fault. Returns
  /// how many it took.
  std::size_t feed(std::string_view bytes);

  bool complete() const noexcept { return state_ == state::complete; }

  const std::optional<error>& failure() const noexcept { return failure_; }

private:
  enum class state {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    trailer_lf,
    complete
  };

  void take(char c);
  void take_size(char c);
  void take_trailer(char c);
  void begin_data();
  void end_trailer_line();
  void expect(char c, char wanted, state next);
  void fail(error_kind kind, std::string_view detail);

  std::size_t max_body_;
  std::string_view max_body_key_;
  state state_ = state::size;
  int digits_ = 0;
  std::uint64_t size_ = 0; // of this chunk; what is left of it while in data
  std::uint64_t body_bytes_ = 0;
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::string line_;
  std::optional<error> failure_;
};

} // namespace handoff
