#include "http/ingress/same_secret.hpp"

#include <gtest/gtest.h>

#include <string>

namespace handoff {
namespace {

TEST(SameSecretTest, TellsTextsApartWhereverTheyDiffer) {
  const std::string secret = "a-secret-of-some-length";
  EXPECT_TRUE(same_secret(secret, std::string{secret}));
  for (std::size_t at = 0; at < secret.size(); ++at) {
    auto other = secret;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_FALSE(same_secret(secret, other)) << at;
    EXPECT_FALSE(same_secret(secret, secret.substr(0, at))) << at;
  }
  EXPECT_FALSE(same_secret(secret, secret + '\0'));
  EXPECT_FALSE(same_secret(secret, secret + secret));
  EXPECT_FALSE(same_secret(secret, ""));
  EXPECT_TRUE(same_secret("", ""));
}

} // namespace
} // namespace handoff
