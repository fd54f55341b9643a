#pragma once

#include "job/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace handoff {

/// When a failed attempt is made again, and how often. Attempts are counted,
/// not retries: `max_attempts = 3` is three requests at the most.
struct retry_policy {
  std::uint32_t max_attempts = 5;                    ///< 1..1000
  std::chrono::milliseconds first{500};              ///< 1 ms..24 h
  double factor = 2.0;                               ///< 1..100
  std::chrono::milliseconds max{60'000};             ///< first..24 h
  double jitter = 0.5;                               ///< 0..1
  std::chrono::milliseconds attempt_timeout{30'000}; ///< 1 ms..1 h
  std::vector<int> retry_on;                         ///< statuses 400..599
  /// The wait after "not now" (`not_now_of`) where the answer names none.
  std::chrono::milliseconds throttled{30'000}; ///< 1 ms..24 h
  /// For how long such answers are put up with.
  std::chrono::milliseconds throttled_for{900'000}; ///< 1 ms..7 d
};

/// The statuses that are worth another attempt of a sub-action.
std::vector<int> sub_action_retry_on();

/// The statuses that are worth another attempt of a clone: only those with
/// which an upstream says that it did not do it.
std::vector<int> clone_retry_on();

/// How long to wait after the `failed`-th failed attempt (1 for the first):
/// `first * factor^(failed - 1)`, at most `max`, of which a share of up to
/// `jitter` is taken away, `random` (in [0, 1)) saying how much; but no less
/// than what the upstream asked for in `retry_after`, which is capped by `max`
/// too. With the defaults: 250-500 ms, 0.5-1 s, 1-2 s, 2-4 s.
std::chrono::milliseconds
backoff(const retry_policy& policy, std::uint32_t failed, double random,
        std::optional<std::chrono::milliseconds> retry_after);

/// Reads a Retry-After field in either of its forms, a number of seconds or
/// an HTTP date (RFC 9110, section 10.2.3). Nothing for what is neither. A date
/// that is past gives zero.
std::optional<std::chrono::milliseconds>
parse_retry_after(std::string_view text,
                  std::chrono::system_clock::time_point now);

/// The same for the field of an answer; nothing if it has none.
std::optional<std::chrono::milliseconds>
retry_after_of(const exchange& done, std::chrono::system_clock::time_point now);

} // namespace handoff
