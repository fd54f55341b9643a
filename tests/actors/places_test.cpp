#include "actors/places.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

namespace handoff {
namespace {

TEST(PlacesTest, GivesUnitsBackWhenThePlaceIsDestroyed) {
  places pool{2};
  {
    const auto first = pool.take();
    EXPECT_TRUE(first);
    EXPECT_EQ(pool.taken(), 1u);
  }
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(PlacesTest, RefusesWhatGoesBeyondTheLimit) {
  places pool{10};
  const auto most = pool.take(8);
  EXPECT_FALSE(pool.take(3));
  EXPECT_EQ(pool.taken(), 8u) << "a refusal takes nothing";
  EXPECT_TRUE(pool.is_full(3));
  EXPECT_FALSE(pool.is_full(2));
  EXPECT_TRUE(pool.take(2));
}

TEST(PlacesTest, RefusesASizeThatWouldWrapAround) {
  places pool{10};
  const auto one = pool.take();
  EXPECT_FALSE(pool.take(std::numeric_limits<std::size_t>::max()));
  EXPECT_EQ(pool.taken(), 1u);
}

TEST(PlacesTest, CountsDownOnceHoweverOftenAPlaceIsLeft) {
  places pool{5};
  const auto other = pool.take();
  auto left = pool.take();
  left->leave();
  left->leave();
  EXPECT_EQ(pool.taken(), 1u);
  EXPECT_FALSE(*left);
}

TEST(PlacesTest, KeepsUnitsWhenAPlaceIsMoved) {
  places pool{5};
  auto first = pool.take(2).value();
  auto second = pool.take(3).value();
  place moved{std::move(first)};
  EXPECT_EQ(pool.taken(), 5u);
  moved = std::move(second); // gives the first two back
  EXPECT_EQ(pool.taken(), 3u);
  EXPECT_EQ(moved.units(), 3u);
}

TEST(PlacesTest, TakesOverWorkBeyondTheLimit) {
  places pool{2};
  auto found = pool.take_over(3);
  EXPECT_FALSE(pool.take());
  found.shrink_to(1);
  EXPECT_TRUE(pool.take());
}

TEST(PlacesTest, SplitsAPlaceIntoPartsThatLeaveAlone) {
  places pool;
  auto all = pool.take_over(3);
  auto one = all.split(1);
  EXPECT_EQ(pool.taken(), 3u);
  one.leave();
  EXPECT_EQ(pool.taken(), 2u);
  EXPECT_EQ(all.split(9).units(), 2u) << "no more than there is";
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(PlacesTest, LetsAPlaceOutliveItsPool) {
  place last;
  {
    places pool{1};
    last = pool.take().value();
  }
  last.leave();
  EXPECT_FALSE(last);
}

TEST(PlacesTest, NeverPassesTheLimitForThreadsThatTakeAtOnce) {
  places pool{3};
  std::atomic<bool> passed{false};
  std::array<std::thread, 4> threads;
  for (auto& each : threads)
    each = std::thread{[&] {
      for (int round = 0; round < 10'000; ++round) {
        const auto held = pool.take();
        if (pool.taken() > 3)
          passed = true;
      }
    }};
  for (auto& each : threads)
    each.join();
  EXPECT_FALSE(passed);
  EXPECT_EQ(pool.taken(), 0u);
}

} // namespace
} // namespace handoff
