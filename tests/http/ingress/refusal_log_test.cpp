#include "http/ingress/refusal_log.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

TEST(RefusalLogTest, TellsSoManyAndThenHowManyMore) {
  refusal_log log;
  auto now = refusal_log::clock::time_point{std::chrono::hours{1}};
  const auto refuse = [&] {
    return log.line_of("setup", true, webhook_outcome::bad_signature, 401, "no",
                       now);
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

TEST(RefusalLogTest, HidesNoFlowBehindAnotherOrBehindNone) {
  refusal_log log;
  const auto now = refusal_log::clock::time_point{std::chrono::hours{1}};
  const auto refuse = [&](const std::string& flow, bool is_known) {
    return log
      .line_of(flow, is_known, webhook_outcome::bad_signature, 401, "no", now)
      .has_value();
  };
  std::uint32_t told = 0;
  for (int i = 0; i < 100; ++i)
    told += refuse("nonsense-" + std::to_string(i), false) ? 1 : 0;
  EXPECT_EQ(told, refusal_log::lines_max) << "they share their lines";
  for (int i = 0; i < 100; ++i)
    refuse("noisy", true);
  EXPECT_TRUE(refuse("setup", true));
}

} // namespace
} // namespace handoff
