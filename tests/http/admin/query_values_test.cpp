#include "http/admin/query_values.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

TEST(QueryTimeTest, ReadsADateOrSeconds) {
  const system_clock::time_point when{seconds{1'764'000'000}};
  EXPECT_EQ(read_time("1764000000"), when);
  EXPECT_EQ(read_time("2025-11-24T16:00:00Z"), when);
  EXPECT_EQ(read_time("2025-11-24T17:00:00.000+01:00"), when);
  for (const char* wrong : {"", "-1", "yesterday", "2025-11-24", "1.5"})
    EXPECT_EQ(read_time(wrong), std::nullopt) << wrong;
}

TEST(QueryTimeTest, StaysWithinTheClock) {
  const auto far = read_time("9999-12-31T23:59:59Z");
  ASSERT_TRUE(far);
  EXPECT_GT(*far, system_clock::time_point{seconds{9'000'000'000}});
  EXPECT_EQ(read_time("253402300799"), far);
  EXPECT_EQ(read_time("0000-01-01T00:00:00Z"), system_clock::time_point{});
}

} // namespace
} // namespace handoff
