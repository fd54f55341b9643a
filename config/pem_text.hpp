#pragma once

#include <string>

namespace handoff {

/// Whether `text` holds at least one certificate in PEM and nothing that begins
/// as one and cannot be read.
bool holds_certificates(const std::string& text);

/// Whether `text` holds a private key in PEM that needs no passphrase.
bool holds_private_key(const std::string& text);

/// Whether the first certificate of `certificates` is of that private key.
bool is_pair(const std::string& certificates, const std::string& key);

/// Whether a private key can make signatures of `alg`, RS256 or ES256 (RFC
/// 7518, section 3.1).
bool can_sign(const std::string& key, const std::string& alg);

} // namespace handoff
