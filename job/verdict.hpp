#pragma once

#include "job/exchange.hpp"
#include "job/retry.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace handoff {

/// Longest UID that is taken over, as text.
inline constexpr std::size_t uid_bytes_max = 512;

/// Whether `value` can be a UID: an integer, or a string, of 1 to
/// `uid_bytes_max` bytes as text.
bool is_uid(const nlohmann::json& value);

/// What one attempt of a clone came to.
enum class clone_outcome : std::uint8_t {
  done,      ///< the UID is there
  failed,    ///< known not to be worth another attempt
  retryable, ///< known not to have happened, and worth another attempt
  unknown,   ///< may or may not have happened
  uncounted, ///< never sent for a reason of our own: tried again, not counted
};

struct clone_verdict {
  clone_outcome outcome = clone_outcome::unknown;
  nlohmann::json uid;    ///< a string or an integer, when `done`
  nlohmann::json answer; ///< the parsed answer, when `done`
  std::optional<error> failure;
};

/// Judges a clone's exchange. 2xx with a usable UID is `done`, without one
/// `unknown`: the upstream says that it made something, not what. What was
/// never sent is `retryable`. A timeout or a lost connection after sending, an
/// answer that cannot be read, 502 and 504 are `unknown`. Of the other
/// statuses, those in `policy.retry_on` are `retryable` and the rest `failed`.
clone_verdict judge_clone(const exchange& done,
                          const nlohmann::json::json_pointer& uid,
                          const retry_policy& policy);

/// What one attempt of a sub-action came to.
enum class sub_action_outcome : std::uint8_t {
  succeeded, ///< 2xx
  failed,    ///< not worth another attempt
  retryable,
  uncounted, ///< cut short by us: made again, not counted
};

struct sub_action_verdict {
  sub_action_outcome outcome = sub_action_outcome::failed;
  std::optional<error> failure;
  /// The parsed answer, when it `succeeded` and is wanted. Null for one that is
  /// not JSON: whatever refers to it says so.
  nlohmann::json answer = nullptr;
};

/// Judges a sub-action's exchange. A sub-action carries an idempotency key, so
/// that all that may help is tried: lost connections, timeouts and the statuses
/// of `policy.retry_on`. An answer that is wanted and passes the limits of
/// parse_answer() fails it: another one would hardly be smaller.
sub_action_verdict judge_sub_action(const exchange& done,
                                    const retry_policy& policy,
                                    bool wants_answer = false);

/// How long until the next attempt, when `counted` attempts have failed; none
/// when the policy is used up.
std::optional<std::chrono::milliseconds>
next_attempt_in(const retry_policy& policy, std::uint32_t counted,
                double random,
                std::optional<std::chrono::milliseconds> retry_after);

} // namespace handoff
