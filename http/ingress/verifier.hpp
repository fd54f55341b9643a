#pragma once

#include "config/verify.hpp"
#include "job/error.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// A request as it came, for verify(). Everything is borrowed.
struct verify_request {
  std::string_view method;
  /// The path as it was sent, and what follows the "?".
  std::string_view path;
  std::string_view query;
  const headers& fields;
  /// The bytes of the body, before anything has decoded or parsed them.
  std::string_view raw_body;
  wall_time now;
  /// The name of the flow, for `{{flow}}`.
  std::string_view flow = {};
  /// The body as the flow's `input` reads it; asked only where `verify` names
  /// members of it. None: JSON.
  std::function<result<nlohmann::json>()> body = {};
  /// The body after `Content-Encoding`; none: as it came.
  std::optional<std::string_view> decoded_body = {};
  /// Whether the body is a form; none: as its content type says.
  std::optional<bool> is_form = {};
};

/// What was looked at and what came of it, for people.
struct verify_notes {
  struct step {
    std::string name;
    bool passed = false;
    std::string detail;
  };

  std::vector<step> steps;
  /// The bytes that the signature has to be of, once they are known, without
  /// the secret that the scheme `hash` has in them.
  std::optional<std::string> content;
  /// The bytes of the signature that the first secret makes of them, where a
  /// secret does: to sign with, never to be shown.
  std::optional<std::string> expected;
};

/// Whether a webhook comes from whom the flow expects it.
///
/// A field that is looked at may stand once only. Every secret is compared with
/// every signature, in constant time. Error `unauthorized`, with a detail that
/// tells the sender's developer what to look for, but neither a secret nor a
/// signature; `invalid_request`: `verify` names members of a body that cannot
/// be parsed.
std::optional<error> verify(const verify_rule& rule,
                            const verify_request& request,
                            verify_notes* notes = nullptr);

/// The challenge of a 401 (RFC 9110, section 11.6.1).
std::string challenge_of(const verify_rule& rule, std::string_view flow);

/// What a signature over a form is of: each name and value, one after the
/// other, sorted by name, then value, equal pairs once.
std::string signed_form(std::string_view body);

} // namespace handoff
