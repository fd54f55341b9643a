// Goal: a reload puts all flows in force or none, and no sender notices it.
// Method: files of the flows directory are changed under a running service,
// which is told by POST /api/v1/flows/reload or by SIGHUP.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

namespace handoff::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FlowReloadTest : public ServiceTest {
protected:
  /// A flow called `name`, as "setup" but for that.
  json flow_called(const std::string& name) const {
    auto made = flow;
    made["name"] = name;
    return made;
  }

  void write(const json& definition) const {
    write(definition.at("name").get<std::string>(), definition.dump());
  }

  void write(const std::string& name, const std::string& text) const {
    service->directory().write("flows/" + name + ".json", text);
  }

  std::filesystem::path directory() const {
    return service->directory().path() / "flows";
  }

  void remove(const std::string& name) const {
    std::filesystem::remove(directory() / (name + ".json"));
  }

  http_response reload() const {
    return service->admin("POST", "/api/v1/flows/reload");
  }

  json reloaded() const {
    const auto answer = reload();
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
    return answer.json();
  }

  /// The flows, without what happened to them.
  json loaded() const {
    const auto answer = service->admin("GET", "/api/v1/flows");
    EXPECT_EQ(answer.status, 200) << answer.body;
    auto flows = answer.json();
    for (auto& each : flows.at("flows")) {
      each.erase("last_webhook");
      each.erase("last_hour");
    }
    return flows;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    const auto shown = loaded();
    for (const auto& each : shown.at("flows"))
      all.push_back(each.at("name"));
    return all;
  }

  int post_to(const std::string& name) const {
    return service->post(name, {{"template", "t"}}).status;
  }

  bool wait_for_flows(const std::vector<std::string>& wanted) const {
    const auto end = steady_clock::now() + seconds{20};
    while (names() != wanted) {
      if (steady_clock::now() >= end)
        return false;
      std::this_thread::sleep_for(milliseconds{5});
    }
    return true;
  }

  void expect_unchanged(const http_response& refused, const json& before) {
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_EQ(refused.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(refused.json().at("type"), "/problems/flows-invalid");
    EXPECT_EQ(loaded(), before);
    EXPECT_EQ(post_to("setup"), 200);
  }
};

TEST_F(FlowReloadTest, ShowsWhatIsLoadedAndNoSecret) {
  options.environment = {{"HOOK_TOKEN", "very-secret-value"}};
  flow["verify"] = {{"scheme", "bearer"}, {"secret", "${env:HOOK_TOKEN}"}};
  flow["deadline"] = {{"limit", "1500ms"}};
  start();
  const auto answer = service->admin("GET", "/api/v1/flows");
  EXPECT_EQ(answer.body.find("very-secret-value"), std::string::npos);
  const auto shown = answer.json();
  EXPECT_TRUE(shown.at("loaded").is_string());
  ASSERT_EQ(shown.at("flows").size(), 1u);
  const auto& only = shown.at("flows").at(0);
  EXPECT_EQ(only.at("name"), "setup");
  EXPECT_EQ(only.at("file"), "setup.json");
  EXPECT_EQ(only.at("deadline_ms"), 1'500);
  EXPECT_EQ(only.at("version").get<std::string>().size(), 64u);
  EXPECT_EQ(only.at("sub_actions"),
            json::array({"s1", "s2", "s3", "s4", "s5", "s6"}));
}

TEST_F(FlowReloadTest, ServesAnAddedFlowAndNoRemovedOne) {
  start();
  write(flow_called("second"));
  EXPECT_EQ(post_to("second"), 404);
  const auto added = reloaded();
  EXPECT_EQ(added.at("added"), json::array({"second"}));
  EXPECT_EQ(added.at("changed"), json::array());
  EXPECT_EQ(added.at("removed"), json::array());
  EXPECT_EQ(post_to("second"), 200);
  const auto accepted = post();
  remove("setup");
  const auto removed = reloaded();
  EXPECT_EQ(removed.at("removed"), json::array({"setup"}));
  EXPECT_EQ(removed.at("flows").size(), 1u);
  EXPECT_EQ(post_to("setup"), 404);
  EXPECT_EQ(post_to("second"), 200);
  // What the Location named is there still.
  http_connection sender{service->port()};
  EXPECT_EQ(sender.request("GET", accepted.header("Location")).status, 200);
}

TEST_F(FlowReloadTest, GivesNewJobsTheChangedFlowAndOldOnesTheirOwn) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang, ok));
  start();
  auto old = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_for_in_flight(1));
  const auto before = loaded().at("flows").at(0).at("version");
  flow["sub_actions"] = json::array({sub_action("only")});
  write(flow);
  const auto answer = reloaded();
  EXPECT_EQ(answer.at("changed"), json::array({"setup"}));
  EXPECT_NE(answer.at("flows").at(0).at("version"), before);
  const auto fresh = service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(fresh.at("sub_actions").size(), 1u);
  api.release();
  const auto answered = old.get();
  ASSERT_EQ(answered.status, 200) << answered.body;
  const auto kept =
    service->wait_for_job(answered.json().at("job"), "succeeded");
  EXPECT_EQ(kept.at("sub_actions").size(), 6u);
}

TEST_F(FlowReloadTest, ReadsSecretsAgain) {
  options.ini["admin"]["token"] = "\"admin-token\"";
  start();
  service->directory().write("secret", "first-secret-value");
  flow["verify"] = {
    {"scheme", "bearer"},
    {"secret",
     "${file:" + (service->directory().path() / "secret").string() + "}"}};
  write(flow);
  reloaded();
  const auto status_with = [&](const std::string& token) {
    return service
      ->post("setup", {{"template", "t"}},
             {{"Authorization", "Bearer " + token}})
      .status;
  };
  EXPECT_EQ(status_with("first-secret-value"), 200);
  service->directory().write("secret", "second-secret-value");
  EXPECT_EQ(status_with("second-secret-value"), 401);
  const auto answer = reloaded();
  EXPECT_EQ(answer.at("changed"), json::array({"setup"}));
  EXPECT_EQ(answer.dump().find("secret-value"), std::string::npos);
  EXPECT_EQ(status_with("second-secret-value"), 200);
  EXPECT_EQ(status_with("first-secret-value"), 401);
}

TEST_F(FlowReloadTest, ChangesNothingWhereOneFileIsBroken) {
  start();
  const auto before = loaded();
  write(flow_called("good"));
  write("broken", "{ this is not JSON");
  auto wrong = flow_called("wrong");
  wrong["clone"]["uid"] = 7;
  write(wrong);
  const auto refused = reload();
  expect_unchanged(refused, before);
  const auto errors = refused.json().at("errors");
  ASSERT_EQ(errors.size(), 2u) << errors.dump(2);
  EXPECT_THAT(errors[0].get<std::string>(), HasSubstr("broken.json"));
  EXPECT_THAT(errors[1].get<std::string>(),
              HasSubstr("wrong.json: /clone/uid: "));
  EXPECT_EQ(post_to("good"), 404);
  remove("broken");
  remove("wrong");
  EXPECT_EQ(reloaded().at("added"), json::array({"good"}));
}

TEST_F(FlowReloadTest, ListsAHundredErrorsAtTheMost) {
  start();
  for (int i = 0; i < 120; ++i)
    write("broken" + std::to_string(i), "{");
  const auto refused = reload();
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json().at("errors").size(), 100u);
  EXPECT_THAT(refused.json().at("detail").get<std::string>(),
              HasSubstr("120 errors"));
}

TEST_F(FlowReloadTest, KeepsTheFlowsOfADirectoryThatIsGoneOrEmpty) {
  start();
  const auto before = loaded();
  remove("setup");
  expect_unchanged(reload(), before);
  std::filesystem::remove(directory());
  const auto gone = reload();
  expect_unchanged(gone, before);
  EXPECT_THAT(gone.json().at("errors").at(0).get<std::string>(),
              HasSubstr("no such directory"));
}

TEST_F(FlowReloadTest, GoesFromNoFlowToAFirstOne) {
  start();
  remove("setup");
  service->restart();
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_EQ(reload().status, 200);
  write(flow);
  EXPECT_EQ(reloaded().at("added"), json::array({"setup"}));
  EXPECT_EQ(post_to("setup"), 200);
}

TEST_F(FlowReloadTest, IsDoneAtSighupToo) {
  start();
  write(flow_called("second"));
  service->program().signal(SIGHUP);
  EXPECT_TRUE(wait_for_flows({"second", "setup"}));
  EXPECT_TRUE(service->program().wait_for_line("added second", seconds{20}));
}

TEST_F(FlowReloadTest, LogsWhatIsWrongAtSighup) {
  start();
  const auto before = loaded();
  write("broken", "{");
  service->program().signal(SIGHUP);
  EXPECT_TRUE(service->program().wait_for_line("broken.json", seconds{20}));
  EXPECT_TRUE(
    service->program().wait_for_line("flows are not reloaded", seconds{20}));
  EXPECT_EQ(loaded(), before);
  EXPECT_EQ(post_to("setup"), 200);
}

TEST_F(FlowReloadTest, IsDoneOnceMoreAfterManySighups) {
  start();
  for (int i = 0; i < 200; ++i) {
    write(flow_called("flow" + std::to_string(i % 3)));
    service->program().signal(SIGHUP);
  }
  EXPECT_TRUE(wait_for_flows({"flow0", "flow1", "flow2", "setup"}));
  EXPECT_EQ(service->stop(), 0) << service->log();
}

TEST_F(FlowReloadTest, DoesTwoAtOnceOneAfterTheOther) {
  start();
  write(flow_called("second"));
  std::vector<std::future<http_response>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [&] { return reload(); }));
  int added = 0;
  for (auto& each : all) {
    const auto answer = each.get();
    ASSERT_EQ(answer.status, 200) << answer.body;
    added += static_cast<int>(answer.json().at("added").size());
  }
  EXPECT_EQ(added, 1);
}

TEST_F(FlowReloadTest, IsNotNoticedBySendersUnderLoad) {
  flow["sub_actions"] = json::array({sub_action("s1")});
  start();
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::mutex mutex;
  std::vector<std::string> odd;
  std::vector<std::string> jobs;
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i)
    senders.emplace_back([&] {
      while (!stop) {
        std::string what;
        std::string job;
        try {
          const auto answer = post();
          if (answer.status == 200)
            job = answer.json().at("job");
          else
            what = std::to_string(answer.status) + " " + answer.body;
        } catch (const http_client_error& failed) {
          what = failed.what();
        }
        const std::scoped_lock lock{mutex};
        if (what.empty())
          jobs.push_back(job);
        else
          odd.push_back(what);
        answered = static_cast<int>(jobs.size());
      }
    });
  for (int round = 0; round < 40; ++round) {
    // Each reload has senders around it.
    for (const int before = answered; answered < before + 4;) {
      std::this_thread::sleep_for(milliseconds{1});
      const std::scoped_lock lock{mutex};
      if (!odd.empty())
        break;
    }
    flow["sub_actions"] =
      json::array({sub_action("s" + std::to_string(round))});
    // As deployments do it: never half a file.
    write(".setup", flow.dump());
    std::filesystem::rename(directory() / ".setup.json",
                            directory() / "setup.json");
    if (round % 4 == 3) {
      write("broken", "{");
      EXPECT_EQ(reload().status, 422);
      remove("broken");
    } else if (round % 2 == 0) {
      EXPECT_EQ(reload().status, 200);
    } else {
      service->program().signal(SIGHUP);
    }
  }
  stop = true;
  for (auto& each : senders)
    each.join();
  EXPECT_THAT(odd, IsEmpty());
  EXPECT_GT(answered, 0);
  for (const auto& job : jobs)
    service->wait_for_job(job, "succeeded");
  const auto keys = api.counts().at("keys");
  for (const auto& [key, seen] : keys.items())
    EXPECT_EQ(seen.at("requests"), 1) << key;
}

TEST_F(FlowReloadTest, IsRefusedWhileTheServiceDrains) {
  options.ini["drain"]["timeout"] = "60s";
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", hang));
  start();
  auto held = std::async(std::launch::async, [&] { return post(); });
  ASSERT_TRUE(wait_for_in_flight(1));
  service->program().signal(SIGTERM);
  ASSERT_TRUE(
    service->program().wait_for_line("handoff: draining", seconds{20}));
  service->program().signal(SIGHUP);
  const auto refused = reload();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.json().at("type"), "/problems/draining");
  api.release();
  EXPECT_EQ(held.get().status, 200);
  EXPECT_EQ(service->program().wait(seconds{40}), 0) << service->log();
}

TEST_F(FlowReloadTest, AsksForTheTokenAndTheRightMethod) {
  options.ini["admin"]["token"] = "\"secret\"";
  start();
  EXPECT_EQ(request(service->admin_port(), "GET", "/api/v1/flows").status, 401);
  EXPECT_EQ(
    request(service->admin_port(), "POST", "/api/v1/flows/reload").status, 401);
  EXPECT_EQ(service->admin("POST", "/api/v1/flows").status, 405);
  const auto refused = service->admin("GET", "/api/v1/flows/reload");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("Allow"), "POST");
  EXPECT_EQ(service->admin("GET", "/api/v1/flows/setup").status, 404);
}

TEST_F(FlowReloadTest, EndsTheServiceWhereItsActorDies) {
  options.environment = {{"HANDOFF_FAULT_AT", "flow_reloader:1"}};
  start();
  service->program().signal(SIGHUP);
  EXPECT_EQ(service->program().wait(seconds{30}), 1) << service->log();
  EXPECT_THAT(service->log(), HasSubstr("the flow reloader has died"));
}

} // namespace handoff::support
