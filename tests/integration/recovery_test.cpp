// Goal: what was answered is never lost, whatever ends the service. Method: it
// is stopped or killed at a chosen moment and started again on its journal.

#include "tests/integration/service_test.hpp"

#include <future>
#include <thread>

namespace handoff::support {

class RecoveryTest : public ServiceTest {};

TEST_F(RecoveryTest, KnowsAfterADrainWhatItHadAccepted) {
  script(on("/projects/*/clone", hang));
  start();
  auto sender = std::async(std::launch::async, [&] { return post(); });
  EXPECT_TRUE(wait_for_in_flight(1));
  service->program().signal(SIGTERM);
  const auto answer = sender.get();
  EXPECT_EQ(answer.status, 202) << answer.body;
  script();
  api.release();
  EXPECT_EQ(service->program().wait(std::chrono::seconds{40}), 0)
    << service->log();
  service->restart();
  EXPECT_EQ(service->job(answer.json()["job"]).at("job"), answer.json()["job"]);
}

TEST_F(RecoveryTest, FinishesAfterAKillWhatItHadAnswered) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_in_flight(3));
  service->kill();
  script();
  service->restart();
  service->wait_for_job(job, "succeeded");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
  for (int i = 1; i <= 6; ++i)
    EXPECT_EQ(api.counts()["keys"][job + ".s" + std::to_string(i)]["successes"],
              1)
      << i;
}

TEST_F(RecoveryTest, CallsNothingAgainThatHadSucceededBeforeAKill) {
  options.ini["retry"] = {{"first", "60s"}, {"max", "60s"}, {"jitter", "0.0"}};
  script(on("/projects/*/s1", status(503)));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(
    api.wait_until([](const json& counts) { return counts["answered"] == 7; }));
  // What was answered may not be journaled yet; what the admin side shows is.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  int succeeded = 0;
  while (succeeded < 5 && std::chrono::steady_clock::now() < end) {
    succeeded = 0;
    const auto shown = service->job(job);
    for (const auto& one : shown.at("sub_actions"))
      succeeded += one.at("status") == "succeeded" ? 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  ASSERT_EQ(succeeded, 5);
  service->kill();
  service->restart();
  EXPECT_EQ(
    service->admin("POST", "/api/v1/jobs/" + job + "/cancel").status / 100, 2);
  service->wait_for_job(job, "cancelled");
  for (int i = 2; i <= 6; ++i)
    EXPECT_EQ(api.counts()["keys"][job + ".s" + std::to_string(i)]["requests"],
              1)
      << i;
}

TEST_F(RecoveryTest, DoesNotCloneAgainAfterAKillInFlight) {
  script(on("/projects/*/clone", hang));
  start();
  const auto answer = post({{"Prefer", "respond-async"}});
  ASSERT_EQ(answer.status, 202) << answer.body;
  ASSERT_TRUE(wait_for_in_flight(1));
  service->kill();
  script();
  service->restart();
  service->wait_for_job(answer.json()["job"], "ambiguous");
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

} // namespace handoff::support
