// Goal: one idempotency key makes one job and gives one answer, through races,
// restarts and its expiry. Method: the same webhook from many senders, before
// and after a kill.

#include "tests/integration/service_test.hpp"

#include <future>
#include <set>
#include <thread>
#include <vector>

namespace handoff::support {

class RepeatedKeyTest : public ServiceTest {
protected:
  http_response post_key(const std::string& key, const json& body,
                         const std::string& to = "setup") {
    return service->post(to, body, {{"Idempotency-Key", key}});
  }

  http_response post_key(const std::string& key) {
    return post_key(key, {{"template", "t"}});
  }

  int clones(const std::string& of = "t") const {
    return api.counts("POST /projects/" + of + "/clone")["requests"];
  }
};

TEST_F(RepeatedKeyTest, MakesOneJobInARaceOfAHundred) {
  options.ini["deadline"]["limit"] = "30s";
  script(on("/projects/*/clone", json{{"delay", "200ms"}}));
  start();
  std::vector<std::future<http_response>> senders;
  for (int i = 0; i < 100; ++i)
    senders.push_back(
      std::async(std::launch::async, [&] { return post_key("k"); }));
  std::set<std::string> bodies;
  for (auto& each : senders) {
    const auto answer = each.get();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.header("Location"), "");
    bodies.insert(answer.body);
  }
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(clones(), 1);
  EXPECT_EQ(service->admin("GET", "/api/v1/jobs").json()["jobs"].size(), 1u);
}

TEST_F(RepeatedKeyTest, GetsTheSameAnswerAfterAKill) {
  start();
  const auto first = post_key("k");
  ASSERT_EQ(first.status, 200) << first.body;
  service->kill();
  service->restart();
  const auto again = post_key("k");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(clones(), 1);
}

TEST_F(RepeatedKeyTest, GetsTheSameAnswerAfterItsFlowHasChanged) {
  flow["reply"] = {{"status", 201}, {"body", {{"old", "{{uid}}"}}}};
  start();
  const auto first = post_key("k");
  ASSERT_EQ(first.status, 201) << first.body;
  service->kill();
  flow["reply"] = {{"status", 200}, {"body", {{"new", "{{uid}}"}}}};
  service->directory().write("flows/setup.json", flow.dump());
  service->restart();
  const auto again = post_key("k");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(post_key("other").status, 200);
}

TEST_F(RepeatedKeyTest, JoinsAJobThatARestartTookUp) {
  flow["clone"]["safe_to_repeat"] = true;
  flow["clone"]["retry"] = {{"max_attempts", 5}};
  script(on("/projects/*/clone", hang));
  start();
  http_connection sender{service->port()};
  sender.send_request("POST", "/hooks/setup", {{"Idempotency-Key", "k"}},
                      R"({"template":"t"})");
  ASSERT_TRUE(wait_for_in_flight(1));
  service->kill();
  script();
  service->restart();
  const auto answer =
    request(service->port(), "POST", "/hooks/setup", {{"Idempotency-Key", "k"}},
            R"({"template":"t"})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(service->admin("GET", "/api/v1/jobs").json()["jobs"].size(), 1u);
}

TEST_F(RepeatedKeyTest, IsRefusedForAnotherBodyAlsoInFlightAndAfterAKill) {
  script(on("/projects/t/clone", hang));
  start();
  auto held = std::async(std::launch::async, [&] { return post_key("k"); });
  EXPECT_TRUE(wait_for_in_flight(1));
  const json other{{"template", "u"}};
  EXPECT_EQ(post_key("k", other).status, 422);
  script();
  api.release();
  EXPECT_EQ(held.get().status, 200);
  EXPECT_EQ(post_key("k", other).status, 422);
  service->kill();
  service->restart();
  const auto refused = post_key("k", other);
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
  EXPECT_EQ(clones("u"), 0);
}

TEST_F(RepeatedKeyTest, IsFreeAgainOnceItHasExpired) {
  flow["idempotency"] = {{"keep", "1s"}};
  start();
  const auto first = post_key("k").json()["job"];
  EXPECT_EQ(post_key("k").json()["job"], first);
  std::this_thread::sleep_for(std::chrono::milliseconds{1'100});
  const auto second = post_key("k").json()["job"];
  EXPECT_NE(second, first);
  EXPECT_EQ(post_key("k").json()["job"], second);
  EXPECT_EQ(clones(), 2);
}

TEST_F(RepeatedKeyTest, IsEachFlowsOwn) {
  auto other = flow;
  other["name"] = "other";
  options.flows = {flow, other};
  service = std::make_unique<handoff_service>(options);
  const json body{{"template", "t"}};
  const auto one = post_key("k", body, "setup").json()["job"];
  const auto two = post_key("k", body, "other").json()["job"];
  EXPECT_NE(one, two);
  EXPECT_EQ(clones(), 2);
}

TEST_F(RepeatedKeyTest, IsNoneWhenItIsMissingOrEmpty) {
  start();
  std::set<std::string> made;
  for (int i = 0; i < 2; ++i) {
    made.insert(service->post("setup", {{"template", "t"}}).json()["job"]);
    made.insert(post_key("").json()["job"]);
  }
  EXPECT_EQ(made.size(), 4u);
  EXPECT_EQ(clones(), 4);
}

TEST_F(RepeatedKeyTest, GetsTheAnswerOfAFailedCloneAgain) {
  script(on("/projects/*/clone", status(418), ok));
  start();
  const auto first = post_key("k");
  ASSERT_EQ(first.status, 502) << first.body;
  for (const bool restarted : {false, true}) {
    const auto again = post_key("k");
    EXPECT_EQ(again.status, 502);
    EXPECT_EQ(again.json(), first.json());
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    if (!restarted) {
      service->kill();
      service->restart();
    }
  }
  EXPECT_EQ(clones(), 1);
}

TEST_F(RepeatedKeyTest, IsOneJobAlsoAfterItsJobWasForgotten) {
  options.ini["journal"]["keep"] = "1s";
  start();
  const auto first = post_key("k").json()["job"].get<std::string>();
  service->wait_for_job(first, "succeeded");
  const auto gone = [&] {
    return service->admin("GET", "/api/v1/jobs/" + first).status == 404;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!gone() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  ASSERT_TRUE(gone());
  const auto second = post_key("k").json()["job"];
  EXPECT_EQ(post_key("k").json()["job"], second);
  EXPECT_EQ(clones(), 2);
}

} // namespace handoff::support
