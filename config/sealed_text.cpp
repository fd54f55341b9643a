#include "config/sealed_text.hpp"

#include <array>
#include <memory>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdexcept>

namespace handoff {
namespace {

/// Of the layout: this byte, the nonce, the encrypted text, the tag.
constexpr char version = 1;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t key_bytes = 32;
constexpr std::string_view purpose = "handoff journal 1";

using context =
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

} // namespace

sealer::sealer(std::string_view secret) : key_(key_bytes, '\0') {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&::EVP_PKEY_CTX_free)> made{
    ::EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), ::EVP_PKEY_CTX_free};
  std::size_t size = key_.size();
  if (made == nullptr || ::EVP_PKEY_derive_init(made.get()) <= 0
      || ::EVP_PKEY_CTX_set_hkdf_md(made.get(), ::EVP_sha256()) <= 0
      || ::EVP_PKEY_CTX_set1_hkdf_key(made.get(), bytes_of(secret),
                                      static_cast<int>(secret.size()))
           <= 0
      || ::EVP_PKEY_CTX_add1_hkdf_info(made.get(), bytes_of(purpose),
                                       static_cast<int>(purpose.size()))
           <= 0
      || ::EVP_PKEY_derive(made.get(), bytes_of(key_), &size) <= 0)
    throw std::runtime_error{"no key can be made of the secret"};
}

std::string sealer::seal(std::string_view text, std::string_view name) const {
  std::string nonce(nonce_bytes, '\0');
  std::string made(text.size(), '\0');
  std::string tag(tag_bytes, '\0');
  const context cipher{::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free};
  int size = 0;
  if (cipher == nullptr
      || ::RAND_bytes(bytes_of(nonce), static_cast<int>(nonce.size())) != 1
      || ::EVP_EncryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr,
                              bytes_of(std::string_view{key_}),
                              bytes_of(std::string_view{nonce}))
           != 1
      || ::EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(name),
                             static_cast<int>(name.size()))
           != 1
      || ::EVP_EncryptUpdate(cipher.get(), bytes_of(made), &size,
                             bytes_of(text), static_cast<int>(text.size()))
           != 1
      || ::EVP_EncryptFinal_ex(cipher.get(), bytes_of(made) + size, &size) != 1
      || ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG,
                               static_cast<int>(tag.size()), tag.data())
           != 1)
    throw std::runtime_error{"it cannot be encrypted"};
  return version + nonce + made + tag;
}

std::optional<std::string> sealer::open(std::string_view sealed,
                                        std::string_view name) const {
  if (sealed.size() < 1 + nonce_bytes + tag_bytes || sealed[0] != version)
    return std::nullopt;
  const auto nonce = sealed.substr(1, nonce_bytes);
  const auto text =
    sealed.substr(1 + nonce_bytes, sealed.size() - 1 - nonce_bytes - tag_bytes);
  std::string tag{sealed.substr(sealed.size() - tag_bytes)};
  std::string made(text.size(), '\0');
  const context cipher{::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free};
  int size = 0;
  if (cipher == nullptr
      || ::EVP_DecryptInit_ex(cipher.get(), ::EVP_aes_256_gcm(), nullptr,
                              bytes_of(std::string_view{key_}), bytes_of(nonce))
           != 1
      || ::EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(name),
                             static_cast<int>(name.size()))
           != 1
      || ::EVP_DecryptUpdate(cipher.get(), bytes_of(made), &size,
                             bytes_of(text), static_cast<int>(text.size()))
           != 1
      || ::EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG,
                               static_cast<int>(tag.size()), tag.data())
           != 1
      || ::EVP_DecryptFinal_ex(cipher.get(), bytes_of(made) + size, &size) != 1)
    return std::nullopt;
  return made;
}

} // namespace handoff
