#include "job/rfc3339.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace handoff {
namespace {

using std::chrono::milliseconds;

struct written {
  std::string text;
  std::optional<std::int64_t> ms;
};

class Rfc3339Test : public testing::TestWithParam<written> {};

TEST_P(Rfc3339Test, Reads) {
  const auto made = parse_rfc3339(GetParam().text);
  const auto wanted =
    GetParam().ms ? std::optional{milliseconds{*GetParam().ms}} : std::nullopt;
  EXPECT_EQ(made, wanted);
}

// The first four are the examples of RFC 3339, section 5.8.
INSTANTIATE_TEST_SUITE_P(
  All, Rfc3339Test,
  testing::Values(written{"1985-04-12T23:20:50.52Z", 482'196'050'520},
                  written{"1996-12-19T16:39:57-08:00", 851'042'397'000},
                  written{"1990-12-31T23:59:60Z", 662'688'000'000},
                  written{"1937-01-01T12:00:27.87+00:20", -1'041'337'172'130},
                  written{"1970-01-01t00:00:00z", 0},
                  written{"1970-01-01 00:00:00Z", 0},
                  written{"1970-01-01T00:00:00.123456789Z", 123},
                  written{"0000-01-01T00:00:00Z", -62'167'219'200'000},
                  written{"4046-11-14T22:13:20Z", 65'539'750'400'000},
                  written{"9999-12-31T23:59:59-23:59", 253'402'387'139'000},
                  written{"2026-02-29T00:00:00Z", std::nullopt},
                  written{"2026-11-28T24:00:00Z", std::nullopt},
                  written{"2026-11-28T00:60:00Z", std::nullopt},
                  written{"2026-11-28T00:00:61Z", std::nullopt},
                  written{"2026-11-28T00:00:00.Z", std::nullopt},
                  written{"2026-11-28T00:00:00", std::nullopt},
                  written{"2026-11-28T00:00:00+24:00", std::nullopt},
                  written{"2026-11-28T00:00:00+0100", std::nullopt},
                  written{"2026-11-28T00:00:00Z ", std::nullopt},
                  written{"2026-11-28", std::nullopt},
                  written{"", std::nullopt}));

TEST(WallTimeTest, IsTheNearestTimeWithinTheClock) {
  EXPECT_EQ(wall_time_at(milliseconds{1}), wall_time{milliseconds{1}});
  const auto last = wall_time_at(milliseconds::max());
  EXPECT_GT(last, wall_time{std::chrono::hours{24 * 365 * 292}});
  EXPECT_LT(wall_time_at(milliseconds::min()),
            wall_time{-std::chrono::hours{24 * 365 * 292}});
  EXPECT_EQ(wall_time_at(*parse_rfc3339("9999-12-31T23:59:59Z")), last);
}

} // namespace
} // namespace handoff
