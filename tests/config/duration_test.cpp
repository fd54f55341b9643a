#include "config/duration.hpp"

#include <gtest/gtest.h>

namespace handoff {

using std::chrono::milliseconds;

TEST(DurationTest, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds{250});
  EXPECT_EQ(parse_duration("9.5s"), milliseconds{9'500});
  EXPECT_EQ(parse_duration("2min"), milliseconds{120'000});
  EXPECT_EQ(parse_duration("1m"), milliseconds{60'000});
  EXPECT_EQ(parse_duration("24h"), milliseconds{86'400'000});
  EXPECT_EQ(parse_duration("7d"), milliseconds{604'800'000});
  EXPECT_EQ(parse_duration("1500us"), milliseconds{2});
  EXPECT_EQ(parse_duration("10 s"), milliseconds{10'000});
  EXPECT_EQ(parse_duration("0s"), milliseconds{0});
  EXPECT_EQ(parse_nanoseconds("50us"), std::chrono::microseconds{50});
}

TEST(DurationTest, RefusesWhatIsNone) {
  for (const auto* text :
       {"",         "s",      "10",           "-5s",   "+5s",   "1e3s",  "5 S",
        "5sec",     "1.s",    ".5s",          "1s ",   "1s2ms", "inf s", "0x1s",
        "200years", "1.2.3s", "99999999999h", "100ns", "  5s",  "5  s"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(DurationTest, WritesWhatItReads) {
  for (const auto* text : {"500ms", "9.5s", "10s", "1min", "90s", "24h", "7d",
                           "1h", "250us", "0s", "1.25s", "36h"})
    EXPECT_EQ(parse_nanoseconds(format_duration(*parse_nanoseconds(text))),
              parse_nanoseconds(text))
      << text;
  EXPECT_EQ(format_duration(milliseconds{9'500}), "9.5s");
  EXPECT_EQ(format_duration(milliseconds{86'400'000}), "24h");
  EXPECT_EQ(format_duration(milliseconds{604'800'000}), "7d");
}

TEST(SizeTest, ReadsUnitsOfBothKinds) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("1MiB"), 1'048'576u);
  EXPECT_EQ(parse_size("64 KiB"), 65'536u);
  EXPECT_EQ(parse_size("10MB"), 10'000'000u);
  EXPECT_EQ(parse_size("1.5KiB"), 1536u);
  EXPECT_EQ(parse_size("0"), 0u);
}

TEST(SizeTest, RefusesWhatIsNone) {
  for (const auto* text : {"", "MiB", "-1", "1mib", "1.0001B", "1e3",
                           "99999PiB", "9999999999TiB", "1 ", "1MiBB"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(SizeTest, WritesWholeUnitsOnly) {
  EXPECT_EQ(format_size(1'048'576), "1MiB");
  EXPECT_EQ(format_size(65'536), "64KiB");
  EXPECT_EQ(format_size(1'500), "1500 bytes");
  EXPECT_EQ(format_size(1), "1 byte");
}

} // namespace handoff
