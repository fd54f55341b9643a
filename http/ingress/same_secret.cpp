#include "http/ingress/same_secret.hpp"

#include <array>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace handoff {
namespace {

using digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

bool digest_of(std::string_view text, digest& made) noexcept {
  return SHA256(reinterpret_cast<const unsigned char*>(text.data()),
                text.size(), made.data())
      != nullptr;
}

} // namespace

bool same_secret(std::string_view left, std::string_view right) noexcept {
  digest of_left{};
  digest of_right{};
  // Both are made, whatever comes of the first.
  const bool left_made = digest_of(left, of_left);
  const bool right_made = digest_of(right, of_right);
  return left_made && right_made
      && CRYPTO_memcmp(of_left.data(), of_right.data(), of_left.size()) == 0;
}

} // namespace handoff
