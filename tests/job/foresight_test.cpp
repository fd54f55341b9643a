#include "job/foresight.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::seconds;
using mean = std::optional<microseconds>;

constexpr mean unknown = std::nullopt;
constexpr auto endless = std::numeric_limits<std::size_t>::max();

/// An estimate that has seen nothing else for long.
latency_estimate steady(microseconds latency) {
  latency_estimate made;
  for (int i = 0; i < 100; ++i)
    made.observe(latency);
  return made;
}

struct turn_case {
  const char* name;
  clone_room room; // under way, slots, rate
  std::size_t ahead;
  mean latency;
  microseconds turn;
};

void PrintTo(const turn_case& what, std::ostream* out) {
  *out << what.name;
}

const turn_case turns[] = {
  {"NobodyAhead", {0, 4, 0}, 0, 6s, 0s},
  {"OneCallIsFree", {3, 4, 0}, 3, 6s, 0s},
  {"OneCallIsFreeHoweverSlow", {0, 1, 0}, 0, 3'600s, 0s},
  {"AllAreTaken", {4, 4, 0}, 4, 6s, 1'687'500us},
  {"AllAreTakenAndFourWait", {4, 4, 0}, 8, 6s, 8'437'500us},
  {"ABurstThatHasNotGotThereYet", {0, 4, 0}, 8, 6s, 8'437'500us},
  {"OneCallAtATime", {1, 1, 0}, 3, 2s, 6'750ms},
  {"NothingIsKnown", {4, 4, 0}, 400, unknown, 0s},
  {"NoSlotsAtAllIsOne", {0, 0, 0}, 1, 2s, 2'250ms},
  {"NoLimits", {0, endless, 0}, 1'000'000, 6s, 0s},
  {"RateWithNobodyWaiting", {5, 100, 2}, 5, 6s, 0s},
  {"RateOfTwo", {5, 100, 2}, 15, 6s, 5'625ms},
  {"RateWithoutLatency", {0, 100, 2}, 10, unknown, 5'625ms},
  {"RateIsTheLesserEvil", {1, 1, 100}, 3, 2s, 6'750ms},
  {"RateIsTheGreaterEvil", {2, 2, 0.1}, 4, 2s, 22'500ms},
  {"APauseWithNobodyAhead", {0, 4, 0, 60s}, 0, unknown, 60s},
  {"APauseIsTheLesserEvil", {4, 4, 0, 1s}, 8, 6s, 8'437'500us},
  {"MoreThanADayIsADay", {1, 1, 0}, 1'000'000'000, 3'600s, 86'400s},
};

class ForeseenTurnTest : public ::testing::TestWithParam<turn_case> {};

TEST_P(ForeseenTurnTest, IsThis) {
  const auto& one = GetParam();
  EXPECT_EQ(foreseen_turn(one.room, one.ahead, one.latency), one.turn);
}

INSTANTIATE_TEST_SUITE_P(Case, ForeseenTurnTest, ::testing::ValuesIn(turns),
                         [](const auto& one) { return one.param.name; });

struct refusal_case {
  const char* name;
  microseconds budget;
  microseconds turn;
  latency_estimate own;
  std::optional<seconds> later;
};

void PrintTo(const refusal_case& what, std::ostream* out) {
  *out << what.name;
}

const refusal_case refusals[] = {
  {"NoQueue", 9'500ms, 0s, steady(6s), std::nullopt},
  {"NoQueueHoweverSlow", 9'500ms, 0s, steady(600s), std::nullopt},
  {"NoQueueAndNoTimeLeft", -1s, 0s, steady(6s), std::nullopt},
  {"ItFits", 9'500ms, 3s, steady(6s), std::nullopt},
  {"ItJustFits", 9s, 3s, steady(6s), std::nullopt},
  {"ItDoesNot", 9'500ms, 5s, steady(6s), 2s},
  {"ItJustDoesNot", 8'900ms, 3s, steady(6s), 1s},
  {"NothingIsKnownOfIt", 9'500ms, 9s, {}, std::nullopt},
  {"TheQueueAloneIsTooMuch", 9'500ms, 12s, {}, 3s},
  {"SlowerThanTheDeadlineByItself", 9'500ms, 2s, steady(30s), 2s},
  {"VeryLong", 9'500ms, 4'000s, steady(6s), 60s},
};

class RefusalTest : public ::testing::TestWithParam<refusal_case> {};

TEST_P(RefusalTest, IsThis) {
  const auto& one = GetParam();
  EXPECT_EQ(refused_for(one.budget, one.turn, one.own), one.later);
}

INSTANTIATE_TEST_SUITE_P(Case, RefusalTest, ::testing::ValuesIn(refusals),
                         [](const auto& one) { return one.param.name; });

TEST(FitsTest, ForeseesWaitAndLatency) {
  EXPECT_TRUE(fits(9s, 500ms, steady(6s)));
  EXPECT_TRUE(fits(9s, 3s, steady(6s)));
  EXPECT_FALSE(fits(9s, 3'100ms, steady(6s)));
  EXPECT_FALSE(fits(-1ms, 0s, {}));
}

TEST(FitsTest, TakesTheWaitAloneWhereNothingIsKnown) {
  EXPECT_TRUE(fits(9s, 9s, {}));
  EXPECT_FALSE(fits(9s, 9'001ms, {}));
}

TEST(FitsTest, DecidesLittleFromOneObservation) {
  latency_estimate once;
  once.observe(6s);
  EXPECT_TRUE(fits(4s, 500ms, once));
  EXPECT_FALSE(fits(4s, 500ms, steady(6s)));
}

} // namespace
} // namespace handoff
