#include "http/ingress/refusal_log.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

TEST(RefusalLogTest, TellsSoManyAndThenHowManyMore) {
  refusal_log log;
  auto now = refusal_log::clock::time_point{std::chrono::hours{1}};
  const auto refuse = [&] {
    return log.line_of("setup", webhook_outcome::bad_signature, 401, "no", now);
  };
  EXPECT_EQ(refuse(), "webhook refused: flow setup, bad-signature, answered "
                      "401: no");
  for (std::uint32_t i = 1; i < refusal_log::lines_max; ++i)
    EXPECT_TRUE(refuse());
  for (int i = 0; i < 7; ++i)
    EXPECT_FALSE(refuse());
  now += refusal_log::window;
  EXPECT_EQ(refuse(), "webhook refused: flow setup, bad-signature, answered "
                      "401: no (7 refusals before it are not shown)");
}

} // namespace
} // namespace handoff
