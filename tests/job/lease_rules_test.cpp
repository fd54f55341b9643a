#include "job/lease_rules.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace handoff {
namespace {

using std::chrono::seconds;

TEST(OwnLeaseTest, HoldsForThreeQuartersFromWhenTheRenewalWasSent) {
  own_lease lease{seconds{20}};
  EXPECT_FALSE(lease.holds(seconds{0}));
  lease.renewed(seconds{100});
  EXPECT_TRUE(lease.holds(seconds{114}));
  EXPECT_FALSE(lease.holds(seconds{115}));
  lease.renewed(seconds{104});
  EXPECT_TRUE(lease.holds(seconds{118}));
}

TEST(OwnLeaseTest, TakesAnswersInAnyOrder) {
  own_lease lease{seconds{20}};
  lease.renewed(seconds{104});
  lease.renewed(seconds{100});
  EXPECT_EQ(lease.doubtful_from(), seconds{119});
}

// Goal: when the database comes back after an outage, whoever renews first
// declares nobody dead before the others have had a whole lease to renew.
TEST(OwnLeaseTest, IsSettledAWholeLengthAfterTheLastGap) {
  own_lease lease{seconds{20}};
  for (int at = 0; at <= 40; at += 4)
    lease.renewed(seconds{at});
  EXPECT_TRUE(lease.is_settled(seconds{41}));
  EXPECT_FALSE(lease.is_settled(seconds{56})) << "it is in doubt";
  lease.renewed(seconds{70});
  EXPECT_FALSE(lease.is_settled(seconds{71}));
  for (int at = 74; at <= 90; at += 4)
    lease.renewed(seconds{at});
  EXPECT_FALSE(lease.is_settled(seconds{89}));
  EXPECT_TRUE(lease.is_settled(seconds{90}));
}

TEST(OwnLeaseTest, IsNotSettledBeforeItsFirstLengthIsOver) {
  own_lease lease{seconds{20}};
  lease.renewed(seconds{1'000});
  lease.renewed(seconds{1'004});
  EXPECT_FALSE(lease.is_settled(seconds{1'005}));
}

TEST(LeaseWatchTest, CallsSilentWhoHasNotRenewedForTheLength) {
  lease_watch watch;
  watch.saw(7, 3, seconds{10});
  EXPECT_FALSE(watch.is_silent(7, seconds{20}, seconds{29}));
  watch.saw(7, 3, seconds{28});
  EXPECT_TRUE(watch.is_silent(7, seconds{20}, seconds{30}));
  watch.saw(7, 4, seconds{31});
  EXPECT_FALSE(watch.is_silent(7, seconds{20}, seconds{50}));
  EXPECT_FALSE(watch.is_silent(8, seconds{20}, seconds{900}));
}

TEST(ShareTest, MakesRoomForNewcomersAtOnceAndWaitsForIt) {
  const std::vector<sharing_node> alone{{1, 1}};
  EXPECT_EQ(share_of(1, alone), (lease_share{0, 1, true}));
  const std::vector<sharing_node> begun{{1, 1}, {2, 2}};
  EXPECT_EQ(share_of(1, begun), (lease_share{0, 2, true}));
  EXPECT_EQ(share_of(2, begun), (lease_share{1, 2, false}));
  const std::vector<sharing_node> seen{{1, 2}, {2, 2}};
  EXPECT_EQ(share_of(2, seen), (lease_share{1, 2, true}));
}

// Goal: the sum of the parts is the whole, however many there are.
TEST(ShareTest, DividesWithoutRest) {
  for (std::size_t whole : {1u, 3u, 7u, 256u})
    for (std::size_t count = 1; count <= whole && count <= 9; ++count) {
      std::size_t sum = 0;
      for (std::size_t rank = 0; rank < count; ++rank)
        sum += part_of(whole, rank, count);
      EXPECT_EQ(sum, whole) << count;
    }
  EXPECT_EQ(part_of(2, 4, 5), 1u);
}

} // namespace
} // namespace handoff
