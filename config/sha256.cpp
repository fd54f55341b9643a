#include "config/sha256.hpp"

#include <array>
#include <openssl/evp.h>

namespace handoff {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(),
             nullptr);
  static constexpr char digits[] = "0123456789abcdef";
  std::string made;
  for (unsigned int i = 0; i < length; ++i) {
    made += digits[digest[i] >> 4];
    made += digits[digest[i] & 15];
  }
  return made;
}

} // namespace handoff
