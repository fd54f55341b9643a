#pragma once

#include "job/error.hpp"
#include "job/wait.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace handoff {

/// Longest detail that a rule takes from an answer.
inline constexpr std::size_t detail_bytes_max = 300;

/// What a rule of `outcome` makes of an answer.
enum class ruled : std::uint8_t {
  succeed, ///< as a 2xx
  fail,    ///< not worth another attempt
  retry,   ///< did not happen, and is worth another attempt
  refresh, ///< the token has ended: once more with a new one, not counted
  unknown, ///< of a clone: may or may not have happened; else as `retry`
};

/// What the first rule that holds says of an answer.
struct ruling {
  ruled then = ruled::fail;
  /// Of `retry`: how long to wait; none: as the answer's Retry-After says, else
  /// the backoff.
  std::optional<std::chrono::milliseconds> wait;
  /// What the answer says of it, masked, at most `detail_bytes_max` bytes.
  std::string detail;

  friend bool operator==(const ruling&, const ruling&) = default;
};

/// What a flow finds in an answer, before the answer is judged.
struct answer_reading {
  /// None: no rule of `outcome` holds, so that the status decides.
  std::optional<ruling> rule;
  /// The answer, or what `pick` took of it. None: it is not JSON, has no such
  /// element, or was not asked for.
  std::optional<nlohmann::json> answer;
  /// Why there is no `answer`, of one that was asked for.
  std::optional<error> unreadable;
  /// Whether an answer that is wanted is larger or deeper than allowed.
  bool over_limits = false;
  /// Of a call that waits: what the answer says of it.
  std::optional<sight> seen;
};

/// `text`, cut at the last character that ends within `bytes_max` bytes.
std::string cut_text(std::string text, std::size_t bytes_max);

} // namespace handoff
