#pragma once

#include "job/exchange.hpp"
#include "job/job.hpp"
#include "job/retry.hpp"

#include <chrono>
#include <optional>

namespace handoff {

/// An answer that says "not done, later".
struct not_now {
  /// How long the upstream asked to wait, at most 30 days; none: it did not
  /// say.
  std::optional<std::chrono::milliseconds> wait;
};

/// Whether `done` says "not done, later": a 429 (RFC 6585, section 4), or a 403
/// that has `Retry-After` or `X-RateLimit-Remaining: 0`, as GitHub's secondary
/// limits have it. The wait is `Retry-After`, else `RateLimit-Reset`,
/// `X-RateLimit-Reset` or any `X-…-RateLimit-Reset`, in seconds from now or
/// since the epoch.
std::optional<not_now> not_now_of(const exchange& done, wall_time now);

/// What follows such an answer.
struct throttle_step {
  /// None: the step has failed, `failure` says until when it would have had to
  /// wait.
  std::optional<std::chrono::milliseconds> pause;
  error failure;
};

/// Decides how long to wait after `answer`, of a step that has had nothing but
/// such answers since `since`. The wait is lengthened by a share of up to
/// `policy.jitter`, `random` (in [0, 1)) saying how much, and never shortened;
/// it ends with `throttled_for` at the latest. A wait that is longer than what
/// is left of that fails at once. `own` is the wait where the answer names
/// none. A wait that it names is not shorter than `policy.first`: a time that
/// is over must not have the upstream asked as fast as it answers.
throttle_step after_not_now(const retry_policy& policy, const not_now& answer,
                            wall_time since, wall_time now, double random,
                            std::chrono::milliseconds own);

/// `wait` and a share of it, of up to `policy.jitter`.
std::chrono::milliseconds lengthened(const retry_policy& policy,
                                     std::chrono::milliseconds wait,
                                     double random);

} // namespace handoff
