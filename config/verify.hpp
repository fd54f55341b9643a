#pragma once

#include "config/verify_crypto.hpp"
#include "config/verify_template.hpp"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace handoff {

enum class verify_scheme {
  none,
  /// `Authorization: Bearer SECRET` (RFC 6750, section 2.1).
  bearer,
  /// `Authorization: Basic` (RFC 7617).
  basic,
  /// The secret itself, wherever the flow says.
  token,
  /// A keyed hash of what the flow says.
  hmac,
  /// A hash of a text with the secret in it.
  hash,
  /// A signature that a public key proves.
  public_key,
};

/// How bytes are written as text.
enum class byte_encoding { hex, base64 };

/// A list in a header, such as "t=1,v1=ab,v1=cd".
struct signature_part {
  /// Of the parts that are signatures.
  std::string name;
  std::string between;
  std::string after;
};

struct timestamp_rule {
  enum class unit { s, ms, rfc3339 };
  verify_template value;
  unit written = unit::s;
  std::chrono::milliseconds tolerance{300'000};
};

/// A hash of the body that the signature covers in its place.
struct digest_rule {
  verify_template value;
  hash_algorithm algorithm = hash_algorithm::sha256;
  byte_encoding encoding = byte_encoding::hex;
};

/// The most that "tolerance" may be.
inline constexpr std::chrono::milliseconds tolerance_max{86'400'000};

/// How the sender of a webhook proves who it is. Immutable once read.
struct verify_rule {
  verify_scheme scheme = verify_scheme::none;
  /// What senders know, as texts: any of them will do, so that a secret can be
  /// rotated. None lets nobody in, but for the scheme `none`.
  std::vector<std::string> secrets;
  /// The bytes of the secrets, of `hmac` and `hash`.
  std::vector<std::string> keys;
  std::vector<public_key> public_keys;
  /// Of `basic`.
  std::string user;
  /// Of `token`.
  verify_template token;

  hash_algorithm algorithm = hash_algorithm::sha256;
  /// Any of which will do.
  std::vector<verify_template> signatures;
  std::string prefix;
  /// Whether a signature without the prefix is none.
  bool prefix_needed = true;
  std::optional<signature_part> part;
  byte_encoding encoding = byte_encoding::hex;
  std::optional<timestamp_rule> timestamp;
  /// What is signed.
  verify_template content;
  std::optional<digest_rule> digest;

  /// `[http] public-url` without a final slash.
  std::string public_url;

  // What the templates refer to.

  /// Headers in lower case and query parameters that are looked at: each may
  /// stand once only.
  std::set<std::string> headers;
  std::set<std::string> query;
  /// Those of them that carry a signature or a secret: never journaled.
  std::set<std::string> credential_headers;
  std::set<std::string> credential_query;
  /// Whether members of the body are, so that it is parsed before.
  bool names_body = false;

  /// Whether the signature covers a form by its names and values: then equal
  /// pairs count once, also in the body that the flow sees.
  bool covers_form() const noexcept {
    return content.uses(verify_template::source::form);
  }
};

} // namespace handoff
