// What GET /api/v1/supervisor shows while things go well and while they do not.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <future>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

using SupervisorRouteTest = ServiceTest;

TEST_F(SupervisorRouteTest, ShowsAServiceThatHasNothingToDo) {
  options.ini["admission"] = {
    {"max-held", "7"}, {"max-jobs", "70"}, {"max-bytes", "\"1MiB\""}};
  options.ini["upstream"] = {{"max-calls", "5"}, {"breaker-failures", "3"}};
  start();
  const auto shown =
    wait_for_tree([](const json& now) { return now["recovery"]["done"]; });
  EXPECT_EQ(shown["restarts"],
            json({{"clones", 0}, {"job_supervisors", 0}, {"sub_actions", 0}}));
  EXPECT_EQ(shown["under_way"], json({{"clones", 0}, {"jobs", 0}}));
  EXPECT_EQ(shown["admission"], json({{"held", 0},
                                      {"max_held", 7},
                                      {"jobs", 0},
                                      {"max_jobs", 70},
                                      {"bytes", 0},
                                      {"max_bytes", 1'048'576}}));
  EXPECT_EQ(
    shown["recovery"],
    json({{"done", true}, {"jobs", 0}, {"under_way", 0}, {"set_aside", 0}}));
  EXPECT_EQ(shown["quarantined"],
            json({{"total", 0}, {"newest", json::array()}}));
  EXPECT_EQ(shown["journal"],
            json({{"state", "commits"}, {"since", nullptr}, {"why", nullptr}}));
  EXPECT_EQ(shown["upstreams"]["total"], 0);
  EXPECT_EQ(shown["upstreams"]["limits"]["max_calls"], 5);
  EXPECT_EQ(shown["upstreams"]["limits"]["breaker_failures"], 3);
  EXPECT_EQ(shown["draining"], false);
}

TEST_F(SupervisorRouteTest, ShowsWhatIsHeldAndUnderWay) {
  script(on("/projects/*/clone", ok, hang), on("/projects/**", hang));
  options.ini["deadline"]["limit"] = "60s";
  start();
  accept_job();
  auto held = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_for_in_flight(4));
  const auto shown = tree();
  EXPECT_EQ(shown["under_way"], json({{"clones", 1}, {"jobs", 1}}));
  EXPECT_EQ(shown["admission"]["held"], 1);
  EXPECT_EQ(shown["admission"]["jobs"], 2);
  const auto& hosts = shown["upstreams"]["hosts"];
  ASSERT_EQ(hosts.size(), 1u);
  EXPECT_EQ(hosts[0]["host"], api.url(""));
  EXPECT_EQ(hosts[0]["in_flight"], 4);
  EXPECT_EQ(hosts[0]["waiting"], 0);
  EXPECT_EQ(hosts[0]["calls"], 5);
  EXPECT_EQ(hosts[0]["breaker"],
            json({{"state", "closed"}, {"since", nullptr}, {"why", nullptr}}));
  script();
  api.release();
  EXPECT_EQ(held.get().status, 200);
}

TEST_F(SupervisorRouteTest, ShowsAnOpenBreakerAndWhyItIs) {
  options.ini["upstream"] = {{"breaker-failures", "2"}, {"breaker-open", "1h"}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  script(on("/projects/*/s1", status(503)));
  start();
  accept_job();
  const auto shown = wait_for_tree([](const json& now) {
    const auto& hosts = now["upstreams"]["hosts"];
    return !hosts.empty() && hosts[0]["breaker"]["state"] == "open";
  });
  const auto& host = shown["upstreams"]["hosts"][0];
  EXPECT_EQ(host["breaker"]["why"], "2 failures in a row");
  EXPECT_TRUE(host["breaker"]["since"].is_string());
  EXPECT_EQ(host["failures"], 2);
}

TEST_F(SupervisorRouteTest, CountsRestartsAndListsTheNewestQuarantinedFirst) {
  options.ini["supervisor"] = {{"max-restarts", "1"}, {"within", "60s"}};
  options.environment = {{"HANDOFF_FAULT_AT", "sub_action:1+,clone:1"}};
  flow["sub_actions"] = json::array({sub_action("s1")});
  start();
  const auto first = accept_job();
  service->wait_for_job(first, "failed");
  const auto second = accept_job();
  service->wait_for_job(second, "failed");
  const auto shown = wait_for_tree(
    [](const json& now) { return now["under_way"]["jobs"] == 0; });
  EXPECT_EQ(shown["restarts"]["clones"], 1);
  EXPECT_EQ(shown["restarts"]["sub_actions"], 4);
  EXPECT_EQ(shown["quarantined"]["total"], 2);
  const auto& newest = shown["quarantined"]["newest"];
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_EQ(newest[0]["job"], second);
  EXPECT_EQ(newest[1]["job"], first);
  EXPECT_EQ(newest[0]["sub_action"], "s1");
  EXPECT_THAT(newest[0]["why"].get<std::string>(), HasSubstr("max-restarts"));
  EXPECT_TRUE(newest[0]["at"].is_string());
}

TEST_F(SupervisorRouteTest, CountsRestartsOfJobSupervisorsAndRecoveredJobs) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto id = accept_job();
  ASSERT_TRUE(wait_for_in_flight(3));
  service->kill();
  script();
  service->set_environment({{"HANDOFF_FAULT_AT", "job_supervisor:1"}});
  service->restart();
  service->wait_for_job(id, "succeeded");
  const auto shown =
    wait_for_tree([](const json& now) { return now["recovery"]["done"]; });
  EXPECT_EQ(shown["restarts"]["job_supervisors"], 1);
  EXPECT_EQ(shown["recovery"]["jobs"], 1);
}

TEST_F(SupervisorRouteTest, ShowsWhyTheJournalFails) {
  start();
  const auto file = service->directory().path() / "handoff.db";
  const auto away = service->directory().path() / "elsewhere.db";
  std::filesystem::rename(file, away);
  EXPECT_EQ(post().status, 503);
  const auto failing = wait_for_tree(
    [](const json& now) { return now["journal"]["state"] == "fails"; });
  EXPECT_TRUE(failing["journal"]["why"].is_string());
  EXPECT_TRUE(failing["journal"]["since"].is_string());
  std::filesystem::rename(away, file);
  wait_for_tree([](const json& now) {
    return now["journal"]["state"] == "commits"
        && now["journal"]["why"].is_null();
  });
}

TEST_F(SupervisorRouteTest, AsksForTheTokenAndForGet) {
  options.ini["admin"]["token"] = "\"secret\"";
  start();
  EXPECT_EQ(request(service->admin_port(), "GET", "/api/v1/supervisor").status,
            401);
  EXPECT_EQ(service->admin("POST", "/api/v1/supervisor").status, 405);
  EXPECT_EQ(service->admin("GET", "/api/v1/supervisor/x").status, 404);
  EXPECT_EQ(tree()["draining"], false);
}

} // namespace handoff::support
