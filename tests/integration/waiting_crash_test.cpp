// Goal: a clone that its upstream has accepted is never made a second time, the
// end of a wait does not move, and each element of a list is called once, by
// its own key, wherever the process dies. Method: it is killed at a named
// place, started again, and judged by what the fake API saw.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <set>
#include <thread>

namespace handoff::support {

namespace {

std::string name_of(const ::testing::TestParamInfo<std::string>& place) {
  auto name = place.param;
  for (auto& each : name)
    if (each == '-' || each == ':')
      each = '_';
  return name;
}

} // namespace

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class WaitingCrashTest : public ServiceTest {
protected:
  WaitingCrashTest() {
    flow["sub_actions"] = json::array();
    options.ini["deadline"]["limit"] = "1s";
  }

  void begin(const std::string& crash_at = {}) {
    if (!crash_at.empty())
      options.environment = {{"HANDOFF_CRASH_AT", crash_at}};
    start();
  }

  /// The sender may see the connection end, or its answer.
  void send(json body = {{"template", "t"}, {"name", "n"}}) {
    try {
      service->post("setup", body);
    } catch (const http_client_error&) {
    }
  }

  bool wait_for_death(milliseconds patience = seconds{20}) {
    const auto end = steady_clock::now() + patience;
    while (service->program().running()) {
      if (steady_clock::now() >= end)
        return false;
      std::this_thread::sleep_for(milliseconds{5});
    }
    return true;
  }

  void kill_and_restart() {
    service->kill();
    service->set_environment({});
    service->restart();
  }

  /// The one job that there is, once it needs nothing more by itself.
  json settled_job(milliseconds patience = seconds{20}) {
    const auto end = steady_clock::now() + patience;
    for (;;) {
      const auto all =
        service->admin("GET", "/api/v1/jobs?limit=10").json()["jobs"];
      if (all.size() == 1 && all[0]["status"] != "cloning"
          && all[0]["status"] != "running")
        return service->job(all[0]["job"]);
      if (steady_clock::now() >= end)
        throw std::runtime_error("not settled: " + all.dump());
      std::this_thread::sleep_for(milliseconds{10});
    }
  }

  int requests(const std::string& path) {
    return static_cast<int>(api.requests("path=" + path).size());
  }
};

// -- clones that are polled
// ----------------------------------------------------

class AcceptedCloneCrashTest
    : public WaitingCrashTest,
      public ::testing::WithParamInterface<std::string> {
protected:
  AcceptedCloneCrashTest() {
    flow["clone"]["poll"] = {
      {"request",
       {{"method", "GET"}, {"url", api.url("/made/{{accepted/id}}")}}},
      {"until", {{"at", "/status"}, {"is", "done"}}},
      {"every", "50ms"},
      {"for", "20s"}};
    flow["clone"]["uid"] = "/project";
    // Even so, what was accepted is not repeated.
    flow["clone"]["safe_to_repeat"] = GetParam() != "before-clone-accepted:1";
    const json busy{{"body", {{"status", "busy"}}}};
    script(on("/projects/*/clone",
              json{{"status", 202}, {"body", {{"id", "c-{{seq}}"}}}}),
           on("/made/*", busy, busy, busy, busy,
              json{{"body", {{"status", "done"}, {"project", "p-1"}}}}));
  }
};

TEST_P(AcceptedCloneCrashTest, IsNeverMadeTwice) {
  begin(GetParam());
  send();
  ASSERT_TRUE(wait_for_death());
  kill_and_restart();
  const auto job = settled_job();
  EXPECT_EQ(requests("/projects/*/clone"), 1);
  if (GetParam() == "before-clone-accepted:1") {
    // That it was accepted was not known to the next start.
    EXPECT_EQ(job["status"], "ambiguous");
    EXPECT_EQ(requests("/made/*"), 0);
  } else {
    EXPECT_EQ(job["status"], "succeeded");
    EXPECT_EQ(job["uid"], "p-1");
  }
}

// The second commit is that of the acceptance.
INSTANTIATE_TEST_SUITE_P(At, AcceptedCloneCrashTest,
                         ::testing::Values("before-clone-accepted:1",
                                           "after-clone-accepted:1",
                                           "after-commit:2"),
                         name_of);

TEST_F(WaitingCrashTest, PollsOnAfterAKillInTheMiddle) {
  flow["clone"]["poll"] = {
    {"request", {{"method", "GET"}, {"url", api.url("/made/{{accepted/id}}")}}},
    {"until", {{"at", "/status"}, {"is", "done"}}},
    {"every", "50ms"},
    {"for", "20s"}};
  const json busy{{"body", {{"status", "busy"}}}};
  script(on("/projects/*/clone", json{{"status", 202}, {"body", {{"id", 1}}}}),
         on("/made/*", busy, busy, busy, busy, busy, busy,
            json{{"body", {{"status", "done"}, {"id", "p-1"}}}}));
  begin();
  std::thread sender{[this] {
    send();
  }};
  while (requests("/made/*") < 3)
    std::this_thread::sleep_for(milliseconds{5});
  kill_and_restart();
  sender.join();
  EXPECT_EQ(settled_job()["uid"], "p-1");
  EXPECT_EQ(requests("/projects/*/clone"), 1);
}

// -- sub-actions that wait
// -----------------------------------------------------

TEST_F(WaitingCrashTest, KeepsTheEndOfAWait) {
  flow["sub_actions"] = {
    {{"name", "copied"},
     {"request", {{"method", "GET"}, {"url", api.url("/copied")}}},
     {"until", {{"at", "/status"}, {"is", "done"}}},
     {"every", "20ms"},
     {"for", "3s"}}};
  script(on("/projects/*/clone", json{{"body", {{"id", "p-1"}}}}),
         on("/copied", json{{"body", {{"status", "busy"}}}}));
  begin();
  const auto id = accept_job();
  while (requests("/copied") < 5)
    std::this_thread::sleep_for(milliseconds{5});
  const auto ends = service->job(id)["sub_actions"][0]["wait_ends"];
  ASSERT_TRUE(ends.is_string());
  kill_and_restart();
  while (requests("/copied") < 10)
    std::this_thread::sleep_for(milliseconds{5});
  const auto job = service->job(id);
  EXPECT_EQ(job["sub_actions"][0]["wait_ends"], ends);
  EXPECT_EQ(job["sub_actions"][0]["attempts"].size(), 1u)
    << "looks are no attempts";
  EXPECT_EQ(settled_job()["status"], "failed");
}

// -- elements of a list
// --------------------------------------------------------

class ElementsCrashTest : public WaitingCrashTest,
                          public ::testing::WithParamInterface<std::string> {};

TEST_P(ElementsCrashTest, CallsEachByItsOwnKey) {
  flow["sub_actions"] = {
    {{"name", "invite"},
     {"for_each", "{{body/members}}"},
     {"request", {{"method", "POST"}, {"url", api.url("/invite/{{item}}")}}}},
    {{"name", "last"},
     {"after", {"invite"}},
     {"request", {{"method", "POST"}, {"url", api.url("/last")}}}}};
  script(on("/projects/*/clone", json{{"body", {{"id", "p-1"}}}}));
  begin(GetParam());
  auto members = json::array();
  for (int member = 0; member < 7; ++member)
    members.push_back("m" + std::to_string(member));
  send({{"template", "t"}, {"members", members}});
  wait_for_death(seconds{2});
  kill_and_restart();
  const auto job = settled_job();
  EXPECT_EQ(job["status"], "succeeded");
  std::set<std::string> keys;
  for (const auto& each : api.requests("path=/invite/*"))
    keys.insert(each["headers"]["Idempotency-Key"]);
  EXPECT_THAT(keys, testing::SizeIs(7));
  // What was answered but not journaled is called again, once.
  EXPECT_LE(requests("/invite/*"), 2 * 7);
  ASSERT_EQ(job["sub_actions"].size(), 8u);
  for (const auto& each : job["sub_actions"])
    EXPECT_EQ(each["status"], "succeeded") << each;
}

INSTANTIATE_TEST_SUITE_P(At, ElementsCrashTest,
                         ::testing::Values("before-commit:3", "after-commit:3",
                                           "before-commit:4", "after-commit:4",
                                           "after-commit:5",
                                           "before-sub-action-call:1",
                                           "after-sub-action-call:2"),
                         name_of);

// -- calls before the clone
// ----------------------------------------------------

TEST_F(WaitingCrashTest, PreparesAgainAfterAKillBeforeTheClone) {
  flow["prepare"] = {
    {{"name", "order"},
     {"request", {{"method", "GET"}, {"url", api.url("/order")}}}}};
  flow["clone"]["request"]["body"] = {{"of", "{{prepare/order/id}}"}};
  script(on("/projects/*/clone", json{{"body", {{"id", "p-1"}}}}),
         on("/order", hang, json{{"body", {{"id", 7}}}}));
  begin();
  std::thread sender{[this] {
    send();
  }};
  while (requests("/order") < 1 && api.counts()["in_flight"] == 0)
    std::this_thread::sleep_for(milliseconds{5});
  kill_and_restart();
  sender.join();
  EXPECT_EQ(settled_job()["status"], "succeeded");
  EXPECT_EQ(requests("/projects/*/clone"), 1);
}

} // namespace handoff::support
