#include "http/admin/flow_history.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

using namespace std::chrono_literals;

class FlowHistoryTest : public ::testing::Test {
protected:
  void observe(job_change change) {
    job_event event{"01ARZ3NDEKTSV4RRFFQ69G5FAV", now, std::move(change),
                    "setup"};
    history.observe(event);
  }

  void cloned_after(std::chrono::milliseconds length) {
    attempt made;
    made.duration = length;
    observe(clone_succeeded{made, "uid", nullptr, {}});
  }

  wall_time now{std::chrono::hours{100}};
  flow_history history{[this] {
    return now;
  }};
};

TEST_F(FlowHistoryTest, CountsTheLastHour) {
  observe(job_accepted{job{}});
  observe(job_finished{job_status::succeeded});
  now += 30min;
  observe(clone_settled{std::nullopt, job_status::failed, {}});
  auto facts = history.of("setup");
  EXPECT_EQ(facts.accepted, 1u);
  EXPECT_EQ(facts.succeeded, 1u);
  EXPECT_EQ(facts.failed, 1u);
  now += 31min;
  facts = history.of("setup");
  EXPECT_EQ(facts.succeeded, 0u);
  EXPECT_EQ(facts.failed, 1u);
  EXPECT_EQ(history.of("other").accepted, 0u);
}

TEST_F(FlowHistoryTest, TellsPercentilesOfTheNewest) {
  for (int i = 1; i <= 100; ++i)
    cloned_after(std::chrono::milliseconds{i});
  const auto clone = *history.of("setup").clone;
  EXPECT_EQ(clone.p50, 50ms);
  EXPECT_EQ(clone.p95, 95ms);
  for (std::size_t i = 0; i < flow_history::samples_max; ++i)
    cloned_after(7ms);
  EXPECT_EQ(history.of("setup").clone->p95, 7ms);
  now += 61min;
  EXPECT_FALSE(history.of("setup").clone);
}

TEST_F(FlowHistoryTest, KnowsTheLastWebhook) {
  EXPECT_FALSE(history.of("setup").last_webhook);
  history.answered("setup", 200, 20ms);
  history.answered("setup", 401, 1ms);
  EXPECT_EQ(history.of("setup").last_webhook, now);
  EXPECT_EQ(history.of("setup").reply->p50, 20ms);
}

} // namespace
} // namespace handoff
