#include "job/wait.hpp"

#include <gtest/gtest.h>

namespace handoff::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const wall_time now{seconds{1795867200}};
constexpr wait_rules rules{milliseconds{2000}, milliseconds{600'000}};

} // namespace

TEST(WaitTest, LooksAgainUntilTheEnd) {
  const struct {
    milliseconds left;
    std::optional<milliseconds> retry_after;
    std::optional<milliseconds> expected;
  } rows[]{
    {seconds{600}, std::nullopt, seconds{2}},
    {seconds{600}, seconds{1}, seconds{2}},
    {seconds{600}, seconds{30}, seconds{30}},
    // The last look is at the end.
    {milliseconds{700}, std::nullopt, milliseconds{700}},
    {milliseconds{700}, milliseconds{600}, milliseconds{700}},
    // The upstream would not have it that early.
    {seconds{20}, seconds{30}, std::nullopt},
    {seconds{0}, std::nullopt, std::nullopt},
    {seconds{-5}, std::nullopt, std::nullopt},
  };

  for (const auto& row : rows)
    EXPECT_EQ(after_look(rules, now + row.left, now, row.retry_after).pause,
              row.expected)
      << row.left.count();
}

TEST(WaitTest, SpreadsLooksAfterARestart) {
  EXPECT_EQ(after_restart(rules, now + seconds{60}, now, 0), seconds{0});
  EXPECT_EQ(after_restart(rules, now + seconds{60}, now, 0.5), seconds{1});
  EXPECT_EQ(after_restart(rules, now + milliseconds{300}, now, 0.5),
            milliseconds{300});
  // An end that has passed does not move: one last look is due.
  EXPECT_EQ(after_restart(rules, now - seconds{60}, now, 0.9), seconds{0});
}

TEST(WaitTest, SaysHowLongItWaited) {
  EXPECT_EQ(wait_timed_out(rules, 200),
            (error{error_kind::wait_timed_out,
                   "it was not done after 600 s; the last answer had "
                   "status 200"}));
}

} // namespace handoff::test
