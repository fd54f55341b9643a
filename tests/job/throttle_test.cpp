#include "job/throttle.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// 2026-11-28T12:00:00Z
const wall_time now{seconds{1795867200}};

exchange answered(int status, headers fields) {
  exchange done;
  done.status = status;
  done.headers = std::move(fields);
  done.sent = true;
  return done;
}

} // namespace

TEST(ThrottleTest, TellsNotNowFromOtherAnswers) {
  EXPECT_TRUE(not_now_of(answered(429, {}), now));
  EXPECT_TRUE(not_now_of(answered(403, {{"Retry-After", "60"}}), now));
  EXPECT_TRUE(
    not_now_of(answered(403, {{"x-ratelimit-remaining", " 0 "}}), now));
  EXPECT_FALSE(
    not_now_of(answered(403, {{"X-RateLimit-Remaining", "12"}}), now));
  EXPECT_FALSE(not_now_of(answered(403, {}), now));
  EXPECT_FALSE(not_now_of(answered(403, {{"X-RateLimit-Reset", "60"}}), now));
  EXPECT_FALSE(not_now_of(answered(503, {{"Retry-After", "60"}}), now));
  EXPECT_FALSE(not_now_of(answered(200, {{"Retry-After", "60"}}), now));
  exchange lost;
  lost.failure = error{error_kind::connection_lost, ""};
  EXPECT_FALSE(not_now_of(lost, now));
}

TEST(ThrottleTest, TakesTheWaitFromWhereItStands) {
  const struct {
    headers fields;
    std::optional<milliseconds> expected;
  } rows[]{
    {{}, std::nullopt},
    {{{"Retry-After", "7"}}, seconds{7}},
    {{{"Retry-After", "Sat, 28 Nov 2026 12:01:00 GMT"}}, seconds{60}},
    // Retry-After goes before the others, whatever the order.
    {{{"RateLimit-Reset", "9"}, {"Retry-After", "7"}}, seconds{7}},
    {{{"RateLimit-Reset", "9"}}, seconds{9}},
    {{{"X-RateLimit-Reset", "9.5"}}, milliseconds{9500}},
    {{{"X-Contentful-RateLimit-Reset", "3"}}, seconds{3}},
    {{{"x-hubspot-ratelimit-reset", "3"}}, seconds{3}},
    {{{"X-RateLimit-Reset", "1795867230"}}, seconds{30}},
    {{{"X-RateLimit-Reset", "1795867199"}}, seconds{0}},
    {{{"X-RateLimit-Reset", "soon"}}, std::nullopt},
    {{{"X-RateLimit-Reset", "soon"}, {"RateLimit-Reset", "4"}}, seconds{4}},
    {{{"X-NoRateLimit-Reset", "3"}}, std::nullopt},
    {{{"Y-RateLimit-Reset", "3"}}, std::nullopt},
    {{{"Retry-After", "not a date"}, {"RateLimit-Reset", "4"}}, seconds{4}},
    {{{"RateLimit-Reset", "-4"}}, seconds{0}},
    {{{"RateLimit-Reset", "1e300"}}, std::chrono::days{30}},
  };

  for (const auto& row : rows) {
    const auto found = not_now_of(answered(429, row.fields), now);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->wait, row.expected)
      << (row.fields.empty() ? "" : row.fields[0].name + row.fields[0].value);
  }
}

TEST(ThrottleTest, WaitsAsLongAsAskedAndNoShorter) {
  retry_policy policy;
  policy.max = seconds{1}; // does not cap what the upstream asked for
  const auto own = policy.throttled;
  EXPECT_EQ(after_not_now(policy, {seconds{90}}, now, now, 0, own).pause,
            seconds{90});
  EXPECT_EQ(after_not_now(policy, {seconds{90}}, now, now, 0.5, own).pause,
            milliseconds{112'500});
  EXPECT_EQ(after_not_now(policy, {std::nullopt}, now, now, 0, own).pause,
            seconds{30});
  policy.jitter = 0;
  EXPECT_EQ(after_not_now(policy, {seconds{90}}, now, now, 0.9, own).pause,
            seconds{90});
}

TEST(ThrottleTest, WaitsWhereTheTimeIsOverAlready) {
  retry_policy policy;
  policy.first = milliseconds{500};
  const auto own = policy.throttled;
  EXPECT_EQ(after_not_now(policy, {seconds{0}}, now, now, 0, own).pause,
            milliseconds{500});
  EXPECT_EQ(after_not_now(policy, {seconds{0}},
                          now - policy.throttled_for + milliseconds{20}, now, 0,
                          own)
              .pause,
            milliseconds{20});
}

TEST(ThrottleTest, FailsAtOnceBeyondItsTime) {
  retry_policy policy;
  const auto own = policy.throttled;
  EXPECT_TRUE(after_not_now(policy, {minutes{15}}, now, now, 0.9, own).pause);
  const auto refused =
    after_not_now(policy, {minutes{15}}, now - seconds{1}, now, 0, own);
  EXPECT_FALSE(refused.pause);
  EXPECT_EQ(refused.failure.kind, error_kind::throttled);
  EXPECT_EQ(refused.failure.detail,
            "the upstream asks to wait until 2026-11-28T12:15:00.000Z, which "
            "is later than retry.throttled-for allows "
            "(2026-11-28T12:14:59.000Z)");
  // Nothing is left, whatever it asks for.
  EXPECT_FALSE(
    after_not_now(policy, {seconds{0}}, now - minutes{15}, now, 0, own).pause);
  // The jitter does not go beyond the end.
  EXPECT_EQ(
    after_not_now(policy, {minutes{10}}, now - minutes{3}, now, 1, own).pause,
    minutes{12});
}

} // namespace handoff::test
