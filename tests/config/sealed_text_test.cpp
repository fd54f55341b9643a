#include "config/sealed_text.hpp"

#include <gtest/gtest.h>

namespace handoff {

TEST(SealedTextTest, OpensWhatItSealed) {
  const sealer seal{"a long and random secret"};
  for (const auto& text :
       {std::string{}, std::string{"a token"}, std::string(100'000, '\0')}) {
    const auto sealed = seal.seal(text, "graph");
    EXPECT_EQ(sealed.find("token"), std::string::npos);
    EXPECT_EQ(seal.open(sealed, "graph"), text);
    EXPECT_NE(seal.seal(text, "graph"), sealed) << "a nonce is used once";
  }
}

TEST(SealedTextTest, OpensNothingElse) {
  const sealer seal{"a long and random secret"};
  const auto sealed = seal.seal("a token", "graph");
  EXPECT_FALSE(seal.open(sealed, "other")) << "in another place";
  EXPECT_FALSE((sealer{"another secret of 16"}.open(sealed, "graph")));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto damaged = sealed;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(seal.open(damaged, "graph")) << at;
    EXPECT_FALSE(seal.open(sealed.substr(0, at), "graph")) << at;
  }
}

} // namespace handoff
