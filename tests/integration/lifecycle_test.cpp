// Starting and stopping.

#include "tests/integration/service_test.hpp"

#include <future>
#include <thread>

namespace handoff::support {

class LifecycleTest : public ServiceTest {
protected:
  bool wait_until_cloning(int count) {
    for (int tries = 0; tries < 1'000; ++tries) {
      const auto tree = service->admin("GET", "/api/v1/supervisor").json();
      if (tree.at("under_way").at("clones") == count)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }

  void begin_drain() {
    service->program().signal(SIGTERM);
    ASSERT_TRUE(service->program().wait_for_line("handoff: draining",
                                                 std::chrono::seconds{20}));
  }
};

TEST_F(LifecycleTest, TellsThatItLivesAndIsReady) {
  start();
  EXPECT_EQ(service->admin("GET", "/livez").status, 200);
  EXPECT_EQ(service->admin("GET", "/readyz").status, 200);
}

TEST_F(LifecycleTest, ExitsWithZeroOnSigterm) {
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(service->stop(SIGTERM), 0) << service->log();
}

TEST_F(LifecycleTest, AnswersHeldWebhookBeforeItExits) {
  script(on("/projects/*/clone", hang));
  start();
  auto sender = std::async(std::launch::async, [&] { return post(); });
  EXPECT_TRUE(wait_for_in_flight(1));
  service->program().signal(SIGTERM);
  const auto answer = sender.get();
  EXPECT_EQ(answer.status, 202) << answer.body;
  EXPECT_EQ(answer.header("Connection"), "close");
  script();
  api.release();
  EXPECT_EQ(service->program().wait(std::chrono::seconds{40}), 0)
    << service->log();
}

TEST_F(LifecycleTest, AnswersTheUidOfHeldWebhookWhileItDrains) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  auto sender = std::async(std::launch::async, [&] { return post(); });
  EXPECT_TRUE(wait_for_in_flight(1));
  begin_drain();
  script();
  api.release();
  const auto answer = sender.get();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(service->program().wait(std::chrono::seconds{40}), 0)
    << service->log();
}

TEST_F(LifecycleTest, AnswersHeldWebhookWhereTheDrainEndsFirst) {
  options.ini["deadline"]["limit"] = "60s";
  options.ini["drain"]["timeout"] = "300ms";
  script(on("/projects/*/clone", hang));
  start();
  auto sender = std::async(std::launch::async, [&] { return post(); });
  EXPECT_TRUE(wait_for_in_flight(1));
  service->program().signal(SIGTERM);
  EXPECT_EQ(sender.get().status, 202);
  EXPECT_EQ(service->program().wait(std::chrono::seconds{40}), 0)
    << service->log();
}

TEST_F(LifecycleTest, RefusesNewWebhookWhileItDrains) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  auto held = std::async(std::launch::async, [&] { return post(); });
  EXPECT_TRUE(wait_for_in_flight(1));
  begin_drain();
  const auto refused = request(service->port(), "POST", "/hooks/setup",
                               {{"Connection", "keep-alive"}}, "{}");
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_NE(refused.header("Retry-After"), "");
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_EQ(refused.json().at("type"), "/problems/draining");
  EXPECT_EQ(service->admin("GET", "/readyz").status, 503);
  EXPECT_EQ(service->admin("GET", "/livez").status, 200);
  api.release();
  EXPECT_EQ(held.get().status, 200);
  EXPECT_EQ(service->program().wait(std::chrono::seconds{40}), 0);
  EXPECT_EQ(api.counts("POST /projects/t/clone")["requests"], 1);
}

TEST_F(LifecycleTest, WaitsForNoSubActionWhoseUpstreamIsGivenARest) {
  options.ini["upstream"] = {{"breaker-failures", "1"},
                             {"breaker-open", "600s"}};
  options.ini["retry"] = {{"first", "1ms"}};
  options.ini["drain"]["timeout"] = "60s";
  script(on("/projects/*/clone", ok), on("/projects/*/s1", status(503), ok));
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_requests("POST /projects/p-1/s1", 1));
  service->program().signal(SIGTERM);
  EXPECT_EQ(service->program().wait(std::chrono::seconds{30}), 0)
    << service->log();
  service->restart();
  service->wait_for_job(job, "succeeded");
}

TEST_F(LifecycleTest,
       WaitsForNoCloneThatWaitsForItsTurnAndForWhichNobodyWaits) {
  options.ini["upstream"] = {{"breaker-failures", "1"},
                             {"breaker-open", "600s"}};
  options.ini["retry"] = {{"first", "1ms"}};
  options.ini["drain"]["timeout"] = "60s";
  flow["clone"]["retry"] = {{"max_attempts", 2}};
  script(on("/projects/*/clone", status(503), ok));
  start();
  const auto accepted = post({{"Prefer", "respond-async"}});
  ASSERT_EQ(accepted.status, 202);
  const auto job = accepted.json().at("job").get<std::string>();
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", 1));
  service->program().signal(SIGTERM);
  EXPECT_EQ(service->program().wait(std::chrono::seconds{20}), 0)
    << service->log();
  service->restart();
  service->wait_for_job(job, "succeeded");
}

TEST_F(LifecycleTest, LetsTheCloneOfAHeldWebhookHaveItsTurnWhileItDrains) {
  options.ini["deadline"]["limit"] = "60s";
  options.ini["drain"]["timeout"] = "60s";
  options.ini["upstream"]["max-calls"] = "1";
  script(on("/projects/*/clone", hang));
  start();
  auto first = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_for_in_flight(1));
  auto second = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_until_cloning(2));
  begin_drain();
  script(on("/projects/*/clone", ok));
  api.release();
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(second.get().status, 200) << service->log();
  EXPECT_EQ(service->program().wait(std::chrono::seconds{30}), 0);
}

TEST_F(LifecycleTest, StopsAtOnceOnTheSecondSignal) {
  options.ini["deadline"]["limit"] = "60s";
  options.ini["drain"]["timeout"] = "1h";
  script(on("/projects/*/clone", hang));
  start();
  http_connection sender{service->port()};
  sender.send_request("POST", "/hooks/setup", {}, R"({"template": "t"})");
  EXPECT_TRUE(wait_for_in_flight(1));
  begin_drain();
  service->program().signal(SIGTERM);
  EXPECT_EQ(service->program().wait(std::chrono::seconds{20}), 0)
    << service->log();
}

} // namespace handoff::support
