#include "http/admin/minute_history.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace handoff {
namespace {

using namespace std::chrono_literals;

class MinuteHistoryTest : public ::testing::Test {
protected:
  void accept() { history.observe(job_event{"j", {}, job_accepted{}}); }

  minute_counts minute_before(std::size_t back) const {
    const auto hour = history.last_hour();
    return hour.at(hour.size() - 1 - back);
  }

  wall_time now{std::chrono::hours{490'000} + 59s};
  minute_history history{[this] {
    return now;
  }};
};

TEST_F(MinuteHistoryTest, CountsInTheMinuteThatItIs) {
  accept();
  now += 1s;
  accept();
  accept();
  EXPECT_EQ(minute_before(0).accepted, 2u);
  EXPECT_EQ(minute_before(1).accepted, 1u);
  EXPECT_EQ(minute_before(0).at - minute_before(1).at, 1min);
  EXPECT_EQ(history.last_hour().size(), minute_history::minutes);
}

TEST_F(MinuteHistoryTest, ForgetsWhatIsAnHourOld) {
  accept();
  now += 59min;
  EXPECT_EQ(minute_before(59).accepted, 1u);
  now += 1min;
  for (const auto& each : history.last_hour())
    EXPECT_EQ(each.accepted, 0u);
  accept();
  EXPECT_EQ(minute_before(0).accepted, 1u);
}

TEST_F(MinuteHistoryTest, CountsAnswersByHowTheyWere) {
  history.answered(200, false);
  history.answered(202, true);
  history.answered(502, false);
  history.answered(503, true);
  history.answered(0, true);
  const auto counts = minute_before(0);
  EXPECT_EQ(counts.answered, 3u);
  EXPECT_EQ(counts.late, 1u);
  EXPECT_EQ(counts.refused, 1u);
}

TEST_F(MinuteHistoryTest, CountsWhatBecomesOfJobs) {
  for (const auto status :
       {job_status::succeeded, job_status::failed, job_status::cancelled})
    history.observe(job_event{"j", {}, job_finished{status}});
  clone_settled settled;
  settled.status = job_status::ambiguous;
  history.observe(job_event{"j", {}, settled});
  clone_attempt_ended tried;
  history.observe(job_event{"j", {}, tried});
  tried.next_attempt = now;
  history.observe(job_event{"j", {}, tried});
  history.restarted();
  const auto counts = minute_before(0);
  EXPECT_EQ(counts.succeeded, 1u);
  EXPECT_EQ(counts.failed, 1u);
  EXPECT_EQ(counts.cancelled, 1u);
  EXPECT_EQ(counts.ambiguous, 1u);
  EXPECT_EQ(counts.retries, 1u);
  EXPECT_EQ(counts.restarts, 1u);
}

} // namespace
} // namespace handoff
