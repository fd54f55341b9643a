#pragma once

#include "config/flow.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Whether a webhook comes from whom the flow expects it. `raw_body` is the
/// body as it came, before anything has parsed it.
///
/// - `bearer`: RFC 6750, section 2.1.
/// - `standard_webhooks`: Standard Webhooks 1.0.0, its symmetric signatures
///   ("v1"); others are left out. An id with a full stop in it is refused, for
///   it could take the place of another id and timestamp.
/// - `github`: `X-Hub-Signature-256`.
/// - `hmac_sha256`: of the body, in the rule's header and encoding, with or
///   without "sha256=" before it.
///
/// A field that is looked at may stand once only. Every secret is compared, in
/// constant time, whichever fits. Error `unauthorized`, with a detail that
/// tells the sender's developer what to look for, but neither a secret nor a
/// signature.
std::optional<error> verify(const verify_rule& rule, const headers& fields,
                            std::string_view raw_body, wall_time now);

} // namespace handoff
