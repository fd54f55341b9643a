#include "actors/prefer.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using std::chrono::seconds;

bool asks_for_async(const headers& fields) {
  return read_preferences(fields).respond_async;
}

std::optional<seconds> wait_of(const headers& fields) {
  return read_preferences(fields).wait;
}

TEST(PreferTest, ObeysWhatIsAskedFor) {
  for (const auto* value :
       {"respond-async", "Respond-Async", "respond-async; x",
        "respond-async;x=\"a, b\"", "return=minimal, respond-async",
        ",, respond-async ,", "respond-async=\"\"", "note=\"a\",respond-async",
        "note=\"a \\\" b\", respond-async"})
    EXPECT_TRUE(asks_for_async({{"Prefer", value}})) << value;
  EXPECT_TRUE(
    asks_for_async({{"Prefer", "wait=1"}, {"prefer", "respond-async"}}));
}

// RFC 7240, section 2: a value may be a quoted string, with commas in it.
TEST(PreferTest, TakesWhatIsInQuotesForAValue) {
  for (const auto* value :
       {"note=\"later, respond-async\"", "note=\"later, respond-async",
        "note=\"a\\\", respond-async, \"", "note;x=\"y, respond-async\"",
        "note=\"a;b, respond-async\"", "\"respond-async\"",
        "note; respond-async", "note=respond-async", "xrespond-async",
        "respond-async x", "respond-async=no",
        "respond-async=no, respond-async"})
    EXPECT_FALSE(asks_for_async({{"Prefer", value}})) << value;
  EXPECT_FALSE(asks_for_async({{"Preference", "respond-async"}}));
}

TEST(PreferTest, ReadsHowLongToWait) {
  for (const auto* value :
       {"wait=7", "WAIT = 7", "wait=\"7\"", "wait=7;x=y", "a, wait=7",
        "note=\"wait=3\", wait=7", "note;wait=3, wait=7", "wait=7, wait=3",
        "wait=\"\\7\""})
    EXPECT_EQ(wait_of({{"Prefer", value}}), seconds{7}) << value;
  EXPECT_EQ(wait_of({{"Prefer", "wait=7"}, {"Prefer", "wait=3"}}), seconds{7});
}

TEST(PreferTest, IgnoresAWaitThatIsNoNumber) {
  for (const auto* value :
       {"wait", "wait=", "wait=-1", "wait=+1", "wait=1.5", "wait=1s",
        "wait=99999999999", "wait=x, wait=7", "note=\"wait=7\""})
    EXPECT_FALSE(wait_of({{"Prefer", value}})) << value;
}

} // namespace
} // namespace handoff
