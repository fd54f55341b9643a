#include "job/retry.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
constexpr std::chrono::system_clock::time_point example{784'111'777s};

} // namespace

TEST(BackoffTest, KeepsToItsBoundsWithDefaults) {
  const retry_policy policy;

  struct {
    std::uint32_t failed;
    milliseconds most;
  } const rows[] = {{1, 500ms},
                    {2, 1s},
                    {3, 2s},
                    {4, 4s},
                    {5, 8s},
                    {6, 16s},
                    {7, 32s},
                    {8, 60s},
                    {9, 60s},
                    {1000, 60s},
                    {4'000'000'000, 60s},
                    {0, 500ms}};

  for (const auto& row : rows) {
    EXPECT_EQ(backoff(policy, row.failed, 0.0, std::nullopt), row.most)
      << row.failed;
    EXPECT_GE(backoff(policy, row.failed, 0.999, std::nullopt), row.most / 2)
      << row.failed;
    EXPECT_LE(backoff(policy, row.failed, 0.999, std::nullopt),
              row.most / 2 + row.most / 1000)
      << row.failed;
  }
}

TEST(BackoffTest, TakesNothingAwayWithoutJitter) {
  retry_policy policy;
  policy.jitter = 0;
  EXPECT_EQ(backoff(policy, 2, 0.999, std::nullopt), 1s);
}

TEST(BackoffTest, StaysAtFirstWithFactorOne) {
  retry_policy policy;
  policy.factor = 1;
  EXPECT_EQ(backoff(policy, 900, 0.0, std::nullopt), 500ms);
}

TEST(BackoffTest, WaitsForWhatUpstreamAskedForUpToMax) {
  const retry_policy policy;
  EXPECT_EQ(backoff(policy, 1, 0.5, 3s), 3s);
  EXPECT_EQ(backoff(policy, 1, 0.0, 100ms), 500ms);
  EXPECT_EQ(backoff(policy, 1, 0.5, 24h), 60s);
}

TEST(RetryAfterTest, ReadsSecondsAndDatesInAllForms) {
  const struct {
    std::string_view text;
    std::optional<milliseconds> expected;
  } rows[] = {
    {"0", 0ms},
    {"120", 120s},
    {" 7\t", 7s},
    {"007", 7s},
    {"99999999999999999999999", 24h * 400},
    {"9223372036854775807", 24h * 400},
    {"172800", 48h},
    {"Sun, 06 Nov 1994 08:49:47 GMT", 10s},
    {"Sunday, 06-Nov-94 08:49:47 GMT", 10s},
    {"Sun Nov  6 08:49:47 1994", 10s},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 0ms},
    {"Sun, 06 Nov 1993 08:49:37 GMT", 0ms},
    {"", std::nullopt},
    {"  ", std::nullopt},
    {"-1", std::nullopt},
    {"1.5", std::nullopt},
    {"+1", std::nullopt},
    {"1 s", std::nullopt},
    {"soon", std::nullopt},
    {"Sun, 06 Nov 1994 08:49:47", std::nullopt},
    {"Sun, 06 Nov 1994 08:49:47 GMT, 5", std::nullopt},
    {"Sun, 41 Nov 1994 08:49:47 GMT", std::nullopt},
  };

  for (const auto& row : rows)
    EXPECT_EQ(parse_retry_after(row.text, example), row.expected) << row.text;
}

// The clock's own unit cannot count to such a date, and once took it for one
// that is past.
TEST(RetryAfterTest, ReadsDatePastRangeOfClock) {
  const auto wait = parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", example);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, 24h * 365 * 7000);
}

TEST(RetryAfterTest, IsFoundInAnswerWhateverItsCase) {
  exchange done;
  EXPECT_FALSE(retry_after_of(done, example));
  done.headers = {{"retry-AFTER", "2"}, {"Retry-After", "9"}};
  EXPECT_EQ(retry_after_of(done, example), 2s);
}

} // namespace handoff
