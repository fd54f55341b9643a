#include "config/verify_crypto.hpp"

#include "job/base64.hpp"
#include "job/hex.hpp"

#include <array>
#include <climits>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace handoff {
namespace {

constexpr std::size_t p256_number_bytes = 32;
constexpr std::size_t ed25519_key_bytes = 32;
constexpr int rsa_bits_least = 1024;

const EVP_MD* hash_of(hash_algorithm algorithm) noexcept {
  switch (algorithm) {
  case hash_algorithm::sha512:
    return EVP_sha512();
  case hash_algorithm::sha1:
    return EVP_sha1();
  case hash_algorithm::sha256:
    break;
  }
  return EVP_sha256();
}

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

error refused(std::string why) {
  // What libcrypto noted would be told to whoever asks it next.
  ERR_clear_error();
  return {error_kind::invalid_request, std::move(why)};
}

using key_ptr = std::shared_ptr<EVP_PKEY>;

key_ptr owned(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

result<key_ptr> read_key(std::string_view text, public_key_form form) {
  if (form == public_key_form::hex) {
    const auto bytes = decode_hex(text);
    if (!bytes || bytes->size() != ed25519_key_bytes)
      return refused("must be the 32 bytes of an Ed25519 key in hex");
    return owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                             bytes_of(*bytes), bytes->size()));
  }
  if (form == public_key_form::spki) {
    const auto bytes = decode_base64(text);
    if (!bytes || bytes->size() > LONG_MAX)
      return refused("must be a SubjectPublicKeyInfo in base64");
    const auto* at = bytes_of(*bytes);
    auto key =
      owned(d2i_PUBKEY(nullptr, &at, static_cast<long>(bytes->size())));
    if (!key || at != bytes_of(*bytes) + bytes->size())
      return refused("must be a SubjectPublicKeyInfo in base64");
    return key;
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> source{
    BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
  auto key =
    owned(source ? PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr)
                 : nullptr);
  if (!key)
    return refused("must be a public key in PEM (-----BEGIN PUBLIC KEY-----)");
  return key;
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t size = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC
      && EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1
      && std::string_view{name.data(), size} == "prime256v1";
}

/// What is wrong with a key of this kind; empty if nothing is.
std::string why_unfit(const EVP_PKEY* key, signature_algorithm algorithm) {
  switch (algorithm) {
  case signature_algorithm::ed25519:
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519
           ? ""
           : "must be an Ed25519 key, as the algorithm says";
  case signature_algorithm::ecdsa_p256_sha256:
    return is_p256(key) ? ""
                        : "must be an EC key on the curve P-256, as the "
                          "algorithm says";
  case signature_algorithm::rsa_sha256:
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
      return "must be an RSA key, as the algorithm says";
    return EVP_PKEY_get_bits(key) >= rsa_bits_least
           ? ""
           : "must be an RSA key of at least 1024 bits";
  }
  return {};
}

/// The two numbers of a signature as DER; empty if it cannot be made.
std::string der_of(std::string_view numbers) {
  std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair{ECDSA_SIG_new(),
                                                             ECDSA_SIG_free};
  auto* r = BN_bin2bn(bytes_of(numbers), p256_number_bytes, nullptr);
  auto* s = BN_bin2bn(bytes_of(numbers) + p256_number_bytes, p256_number_bytes,
                      nullptr);
  if (!pair || r == nullptr || s == nullptr
      || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  const int size = i2d_ECDSA_SIG(pair.get(), nullptr);
  if (size <= 0)
    return {};
  std::string made(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(made.data());
  i2d_ECDSA_SIG(pair.get(), &at);
  return made;
}

bool verified(EVP_PKEY* key, const EVP_MD* hash, std::string_view message,
              std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{
    EVP_MD_CTX_new(), EVP_MD_CTX_free};
  const bool fits =
    context
    && EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key) == 1
    && EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                        bytes_of(message), message.size())
         == 1;
  if (!fits)
    ERR_clear_error();
  return fits;
}

} // namespace

std::size_t digest_bytes(hash_algorithm algorithm) noexcept {
  return static_cast<std::size_t>(EVP_MD_get_size(hash_of(algorithm)));
}

std::optional<std::string> message_mac(hash_algorithm algorithm,
                                       std::string_view key,
                                       std::string_view message) {
  if (key.size() > INT_MAX)
    return std::nullopt;
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  // A null key would mean the one of the call before.
  const auto* made =
    ::HMAC(hash_of(algorithm), key.empty() ? "" : key.data(),
           static_cast<int>(key.size()), bytes_of(message), message.size(),
           reinterpret_cast<unsigned char*>(digest.data()), &length);
  if (made == nullptr)
    return std::nullopt;
  digest.resize(length);
  return digest;
}

std::optional<std::string> message_digest(hash_algorithm algorithm,
                                          std::string_view message) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int length = 0;
  if (EVP_Digest(message.data(), message.size(),
                 reinterpret_cast<unsigned char*>(digest.data()), &length,
                 hash_of(algorithm), nullptr)
      != 1)
    return std::nullopt;
  digest.resize(length);
  return digest;
}

result<public_key> public_key::read(std::string_view text, public_key_form form,
                                    signature_algorithm algorithm) {
  auto read = read_key(text, form);
  if (auto* wrong = std::get_if<error>(&read))
    return std::move(*wrong);
  auto& key = std::get<key_ptr>(read);
  if (!key)
    return refused("is not a public key");
  if (auto why = why_unfit(key.get(), algorithm); !why.empty())
    return refused(std::move(why));
  return public_key{std::move(key), algorithm};
}

bool public_key::fits(std::string_view message,
                      std::string_view signature) const {
  switch (algorithm_) {
  case signature_algorithm::ed25519:
    return verified(key_.get(), nullptr, message, signature);
  case signature_algorithm::ecdsa_p256_sha256:
    // A DER signature of 64 bytes is rare, but there is one.
    return verified(key_.get(), EVP_sha256(), message, signature)
        || (signature.size() == 2 * p256_number_bytes
            && verified(key_.get(), EVP_sha256(), message, der_of(signature)));
  case signature_algorithm::rsa_sha256:
    return verified(key_.get(), EVP_sha256(), message, signature);
  }
  return false;
}

} // namespace handoff
