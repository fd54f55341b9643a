#include "job/job_id.hpp"

#include <gtest/gtest.h>

#include <set>

namespace handoff {
namespace {

using std::chrono::milliseconds;
using time = std::chrono::system_clock::time_point;

constexpr job_id_entropy zeros{};
constexpr job_id_entropy ones{255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

time at(std::int64_t ms) {
  return time{milliseconds{ms}};
}

} // namespace

TEST(JobIdTest, HasFormOfUlid) {
  // The time and its text are those of the ULID specification's example.
  EXPECT_EQ(job_id_from(at(1469918176385), zeros).substr(0, 10), "01ARYZ6S41");
  EXPECT_EQ(job_id_from(at(0), zeros), std::string(26, '0'));
  EXPECT_EQ(job_id_from(at(0), ones), "0000000000ZZZZZZZZZZZZZZZZ");
}

TEST(JobIdTest, CarriesEachOfEightyBits) {
  std::set<std::string> seen{job_id_from(at(1), zeros)};
  for (std::size_t bit = 0; bit < 80; ++bit) {
    auto entropy = zeros;
    entropy[bit / 8] = static_cast<std::uint8_t>(1u << (bit % 8));
    EXPECT_TRUE(seen.insert(job_id_from(at(1), entropy)).second) << bit;
  }
}

TEST(JobIdTest, SortsByTimeWhateverItsEntropy) {
  for (const std::int64_t ms : {0, 1, 31, 32, 1023, 1024, 1'000'000})
    EXPECT_LT(job_id_from(at(ms), ones), job_id_from(at(ms + 1), zeros)) << ms;
}

TEST(JobIdTest, GivesItsTimeBack) {
  for (const std::int64_t ms :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1'700'000'000'123},
        std::int64_t{9'000'000'000'000}})
    EXPECT_EQ(time_of(job_id_from(at(ms), ones)), at(ms));
  EXPECT_EQ(time_of("no id"), time{});
}

TEST(JobIdTest, KnowsIdFromOtherText) {
  EXPECT_TRUE(is_job_id(make_job_id(std::chrono::system_clock::now())));
  EXPECT_FALSE(is_job_id(""));
  EXPECT_FALSE(is_job_id(std::string(25, '0')));
  EXPECT_FALSE(is_job_id(std::string(27, '0')));
  for (const char other : {'I', 'L', 'O', 'U', 'a', '-', ' ', '\0'}) {
    auto id = std::string(26, '0');
    id[13] = other;
    EXPECT_FALSE(is_job_id(id)) << other;
  }
  // 48 bits of time end at a 7.
  EXPECT_TRUE(is_job_id("7" + std::string(25, 'Z')));
  EXPECT_FALSE(is_job_id("8" + std::string(25, '0')));
}

TEST(JobIdTest, DiffersFromItsNeighbours) {
  std::set<std::string> ids;
  const auto now = std::chrono::system_clock::now();
  for (int n = 0; n < 1000; ++n)
    EXPECT_TRUE(ids.insert(make_job_id(now)).second);
}

} // namespace handoff
