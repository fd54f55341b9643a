#pragma once

#include "job/exchange.hpp"
#include "job/job.hpp"
#include "job/outcome.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// How much of its life a token has had when it is renewed: 80 %.
inline constexpr double token_renewal_share = 0.8;

/// Longest token that is taken over.
inline constexpr std::size_t token_bytes_max = 65'536;

/// What a token endpoint gave (RFC 6749, section 5.1).
struct token_answer {
  std::string access_token;
  /// None: it did not say; the token is used until it is refused.
  std::optional<std::chrono::milliseconds> expires_in;
  /// The one that takes the place of that which was used; empty: none does.
  std::string refresh_token;
};

/// Reads what a token endpoint answered. The error says what is wrong and shows
/// nothing of the answer but a code of the RFC's own (section 5.2).
/// `token_missing`: it may be had later. `unauthorized`: it says
/// `invalid_grant`, so that a refresh token is of no use any more.
result<token_answer> read_token_answer(const exchange& done);

/// How long to wait before the next request for a token, when `failed` in a row
/// have failed (1 for the first): 1 s, 2 s, 4 s ... 30 s; what the endpoint
/// asks for where that is longer, but not more than ten minutes.
std::chrono::milliseconds
token_backoff(std::uint32_t failed,
              std::optional<std::chrono::milliseconds> retry_after);

/// Whether the last attempt that ended had its token refused.
bool was_token_refused(const std::vector<attempt>& attempts);

/// Finds out whether `done` says that its token has ended: by a rule, or, where
/// none holds, by one of the statuses `refresh_on`. Then `reading` has the rule
/// `refresh`: the call is made once more, uncounted. If that was done already
/// (`again`), or the call had no token, the answer is one as any other.
void judge_token(answer_reading& reading, const exchange& done,
                 const std::vector<int>& refresh_on, bool again);

/// Replaces `token`, wherever it stands in the answer, by "***": it must not be
/// kept with a job.
void hide_token(exchange& done, const std::string& token);

} // namespace handoff
