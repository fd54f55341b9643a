#pragma once

#include "job/error.hpp"
#include "job/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// The key that a secret of Standard Webhooks stands for: base64, with or
/// without "whsec_" before it. None if it is not that, or stands for nothing.
std::optional<std::string> webhook_key(std::string_view secret);

/// HMAC-SHA-256 (RFC 2104, FIPS 180-4): 32 bytes. None if libcrypto fails.
std::optional<std::string> hmac_sha256(std::string_view key,
                                       std::string_view message);

/// What a symmetric signature of Standard Webhooks 1.0.0 signs.
std::string standard_webhook_content(std::string_view id,
                                     std::string_view timestamp,
                                     std::string_view body);

/// The value of `webhook-signature` for a message of ours ("v1,…"). Error
/// `invalid_request`: the secret is no key of Standard Webhooks, or `id` is
/// empty or has a full stop in it.
result<std::string> sign_standard_webhook(std::string_view secret,
                                          std::string_view id,
                                          wall_time timestamp,
                                          std::string_view body);

} // namespace handoff
