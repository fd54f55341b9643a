#pragma once

#include "http/outbound/transfer.hpp"
#include "job/exchange.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace handoff {

/// The answer to a call, as it comes in.
struct call_answer {
  using time_point = std::chrono::steady_clock::time_point;

  int status = 0;
  bool has_head = false; ///< the final answer's header is complete
  headers fields;
  std::size_t field_bytes = 0;
  std::string body;

  /// Counts a field, or a piece of one. False: they are larger than allowed.
  bool count_field(std::size_t bytes, const transfer& of) noexcept;

  /// False: the body is larger than allowed.
  bool add_body(std::string_view piece, const transfer& of);

  /// What came of the call, whose answer this is, whole.
  exchange whole(const transfer& of, time_point since, time_point now);
};

/// What came of a call without an answer.
exchange without_answer(error_kind kind, std::string detail, bool sent,
                        std::chrono::steady_clock::time_point since,
                        std::chrono::steady_clock::time_point now);

} // namespace handoff
