#pragma once

#include "http/front_door/chunk_check.hpp"
#include "http/front_door/front_door.hpp"
#include "http/front_door/head_check.hpp"

#include <http_parser.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {

/// A whole request, and what its answer must respect.
struct checked_request {
  http_request what;
  bool http_1_0 = false;
  bool keep_alive = true;
};

/// A request that no handler will see; its status is that of the kind. Nothing
/// after it on the connection can be trusted to be a request.
struct rejection {
  error why;
};

/// The sender waits for `100 Continue` before it sends the body.
struct continue_wanted {};

/// All bytes are used up.
struct more_wanted {};

using input_step =
  std::variant<more_wanted, continue_wanted, checked_request, rejection>;

/// Turns the bytes of one connection into requests, one at a time: bytes that
/// follow a request stay here until the next call of `next`.
///
/// http_parser decodes; what it lets pass although it is ambiguous is refused
/// before it sees it, and if the two disagree where a request ends, that is
/// refused too. Not thread-safe; pure: no clock, no I/O.
class input_check {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit input_check(input_limits limits);

  input_check(const input_check&) = delete;
  input_check& operator=(const input_check&) = delete;

  /// Adds bytes that were read at `now`. False if more than one largest request
  /// waits unused: the sender pipelines without bound.
  [[nodiscard]] bool feed(std::string_view bytes, time_point now);

  /// The next thing to do. To be called until it wants more. After a rejection
  /// it gives that rejection for ever.
  input_step next();

  /// Whether a part of a request has come; false between two requests.
  bool begun() const noexcept;

  /// How many bytes have come and are not part of a request yet.
  std::size_t unused_bytes() const noexcept { return unused().size(); }

  /// The request that is not complete, or was refused, without its body; none
  /// if its head has not come as a whole.
  std::optional<http_request> known_head() const;

  /// Whether what is missing is a body.
  bool in_body() const noexcept { return in_body_; }

private:
  input_step begin_body();
  input_step read_body();
  input_step reject(error why);
  checked_request finish();
  void start_over();
  bool decode(std::string_view bytes);
  std::string_view unused() const noexcept;
  void use(std::size_t bytes);
  void note_arrival(time_point now);
  time_point arrival_of_next();

  input_limits limits_;
  std::size_t unused_max_;
  std::string unused_;
  std::size_t used_ = 0;        // at the front of unused_
  std::uint64_t used_ever_ = 0; // of all bytes that came
  // When bytes came, and which of all bytes the first of them was.
  std::vector<std::pair<std::uint64_t, time_point>> marks_;
  time_point arrived_;
  head_check head_;
  chunk_check chunks_;
  bool in_body_ = false;
  std::uint64_t body_left_ = 0;
  http_parser parser_;
  bool decoded_ = false; // http_parser has seen the end of the request
  std::string body_;
  std::optional<error> failure_;
};

} // namespace handoff
