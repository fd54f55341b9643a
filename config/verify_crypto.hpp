#pragma once

#include "job/error.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

extern "C" {
struct evp_pkey_st;
}

namespace handoff {

/// Hash functions that senders sign with (FIPS 180-4).
enum class hash_algorithm { sha256, sha512, sha1 };

/// How many bytes a digest of it has.
std::size_t digest_bytes(hash_algorithm algorithm) noexcept;

/// HMAC (RFC 2104). None if libcrypto fails.
std::optional<std::string> message_mac(hash_algorithm algorithm,
                                       std::string_view key,
                                       std::string_view message);

/// The hash of `message`. None if libcrypto fails.
std::optional<std::string> message_digest(hash_algorithm algorithm,
                                          std::string_view message);

/// Signatures that are checked with a public key: Ed25519 (RFC 8032), ECDSA
/// over P-256 with SHA-256 (FIPS 186-5), RSA PKCS #1 v1.5 with SHA-256
/// (RFC 8017, section 8.2).
enum class signature_algorithm { ed25519, ecdsa_p256_sha256, rsa_sha256 };

/// How the text of a public key is written: PEM, the 32 bytes of an Ed25519
/// key in hex, or a SubjectPublicKeyInfo (RFC 5280, section 4.1) in base64.
enum class public_key_form { pem, hex, spki };

/// A public key, read once. Copies share it; threads may use one at once.
class public_key {
public:
  /// Error `invalid_request` says what is wrong with the text or that it is a
  /// key of another algorithm.
  static result<public_key> read(std::string_view text, public_key_form form,
                                 signature_algorithm algorithm);

  /// Whether `signature` is one of `message` by the private key. An ECDSA
  /// signature may be DER (RFC 3279, section 2.2.3) or its two numbers of 32
  /// bytes one after the other (IEEE P1363).
  bool fits(std::string_view message, std::string_view signature) const;

private:
  explicit public_key(std::shared_ptr<evp_pkey_st> key,
                      signature_algorithm algorithm)
      : key_{std::move(key)}, algorithm_{algorithm} {}

  std::shared_ptr<evp_pkey_st> key_;
  signature_algorithm algorithm_;
};

} // namespace handoff
