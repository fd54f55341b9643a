#pragma once

#include "job/exchange.hpp"
#include "job/outcome.hpp"
#include "job/retry.hpp"
#include "job/throttle.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

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
  throttled, ///< known not to have happened, because it was too early
  accepted,  ///< under way: what becomes of it has to be asked for
};

struct clone_verdict {
  clone_outcome outcome = clone_outcome::unknown;
  nlohmann::json uid;    ///< a string or an integer, when `done`
  nlohmann::json answer; ///< the parsed answer, when `done`
  std::optional<error> failure;
  /// How long to wait before another attempt, where the answer tells.
  std::optional<std::chrono::milliseconds> wait = {};
};

/// Judges a clone's exchange. 2xx with a usable UID is `done`, without one
/// `unknown`: the upstream says that it made something, not what. What was
/// never sent is `retryable`. A timeout or a lost connection after sending, an
/// answer that cannot be read, 502 and 504 are `unknown`. Of the other
/// statuses, those in `policy.retry_on` are `retryable` and the rest `failed`.
clone_verdict judge_clone(const exchange& done,
                          const nlohmann::json::json_pointer& uid,
                          const retry_policy& policy);

/// The same for an answer in which the flow has found `reading`. A rule goes
/// before the status; where none holds, an answer that says "not now"
/// (`not_now_of`) is `throttled`.
clone_verdict judge_clone(const exchange& done,
                          const nlohmann::json::json_pointer& uid,
                          const retry_policy& policy,
                          const answer_reading& reading, wall_time now);

/// The same for a clone that is polled. A success that says that it failed is
/// `failed`, one that says that it is done is judged by its UID, any other, and
/// a 303 with Location, is `accepted`.
clone_verdict judge_polled_clone(const exchange& done,
                                 const nlohmann::json::json_pointer& uid,
                                 const retry_policy& policy,
                                 const answer_reading& reading, wall_time now);

/// What a poll found.
enum class poll_finding : std::uint8_t {
  done,      ///< the UID is there
  failed,    ///< the upstream says that the clone failed
  not_yet,   ///< it is under way
  gone,      ///< the upstream does not know it (any more): 404 or 410
  lost,      ///< it is over, and nobody can know what came of it
  no_answer, ///< nothing that says anything
};

std::string_view name(poll_finding finding) noexcept;

struct poll_verdict {
  poll_finding finding = poll_finding::no_answer;
  nlohmann::json uid = nullptr;    ///< when `done`
  nlohmann::json answer = nullptr; ///< when `done`
  std::optional<error> failure = {};
  /// How long to wait before the next one, where the answer tells.
  std::optional<std::chrono::milliseconds> wait = {};
};

/// Judges the exchange of a poll.
poll_verdict judge_poll(const exchange& done,
                        const nlohmann::json::json_pointer& uid,
                        const answer_reading& reading, wall_time now);

/// What one attempt of a sub-action came to.
enum class sub_action_outcome : std::uint8_t {
  succeeded, ///< 2xx
  failed,    ///< not worth another attempt
  retryable,
  uncounted, ///< cut short by us: made again, not counted
  throttled, ///< not done, because it was too early
  waiting,   ///< done, but what is waited for is not there yet
};

/// What a call that asks for something found, for people.
std::string_view finding_of(sub_action_outcome outcome) noexcept;

struct sub_action_verdict {
  sub_action_outcome outcome = sub_action_outcome::failed;
  std::optional<error> failure;
  /// The parsed answer, when it `succeeded` and is wanted. Null for one that is
  /// not JSON: whatever refers to it says so.
  nlohmann::json answer = nullptr;
  /// How long to wait before another attempt, where the answer tells.
  std::optional<std::chrono::milliseconds> wait = {};
};

/// Judges a sub-action's exchange. A sub-action carries an idempotency key, so
/// that all that may help is tried: lost connections, timeouts and the statuses
/// of `policy.retry_on`. An answer that is wanted and passes the limits of
/// parse_answer() fails it: another one would hardly be smaller.
sub_action_verdict judge_sub_action(const exchange& done,
                                    const retry_policy& policy,
                                    bool wants_answer = false);

/// The same for an answer in which the flow has found `reading`, as
/// `judge_clone` does it.
sub_action_verdict judge_sub_action(const exchange& done,
                                    const retry_policy& policy,
                                    const answer_reading& reading,
                                    wall_time now);

/// How long until the next attempt, when `counted` attempts have failed; none
/// when the policy is used up.
std::optional<std::chrono::milliseconds>
next_attempt_in(const retry_policy& policy, std::uint32_t counted,
                double random,
                std::optional<std::chrono::milliseconds> retry_after);

} // namespace handoff
