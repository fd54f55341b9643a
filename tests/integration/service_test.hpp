#pragma once

#include "tests/support/fake_api_fixture.hpp"
#include "tests/support/handoff_fixture.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace handoff::support {

/// A fake API and a `handoff serve` in front of it, in shortened time: 2 s
/// stand for the 10 s of a sender's patience, retries begin after 20 ms.
///
/// The flow is called "setup"; its clone is `POST /projects/{template}/clone`
/// of the fake API and its sub-actions `POST /projects/{uid}/s1` to `s6`.
class ServiceTest : public ::testing::Test {
protected:
  using json = nlohmann::json;

  ServiceTest() {
    options.ini["deadline"] = {{"limit", "2s"}, {"margin", "100ms"}};
    options.ini["retry"] = {
      {"first", "20ms"}, {"jitter", "0.0"}, {"throttled", "20ms"}};
    flow = {{"name", "setup"},
            {"clone",
             {{"request",
               {{"method", "POST"},
                {"url", api.url("/projects/{{body/template}}/clone")},
                {"body", {{"name", "{{body/name ?? \"none\"}}"}}}}},
              {"uid", "/id"},
              {"timeout", "20s"}}}};
    for (int i = 1; i <= 6; ++i)
      flow["sub_actions"].push_back(sub_action("s" + std::to_string(i)));
  }

  json sub_action(const std::string& name) const {
    return {
      {"name", name},
      {"request",
       {{"method", "POST"}, {"url", api.url("/projects/{{uid}}/" + name)}}}};
  }

  /// The rule for one path of the fake API, with any number of steps.
  template <class... Steps>
  static json on(const std::string& path, const Steps&... steps) {
    json rule = {{"path", path}, {"steps", json::array()}};
    (rule["steps"].push_back(steps), ...);
    return rule;
  }

  template <class... Rules>
  void script(const Rules&... rules) {
    json all = json::array();
    (all.push_back(rules), ...);
    api.set_script(all);
  }

  /// Starts the service; what is changed in `flow` and `options` later counts
  /// no more.
  handoff_service& start() {
    options.flows = {flow};
    service = std::make_unique<handoff_service>(options);
    return *service;
  }

  http_response post(handoff::headers fields = {}) {
    return service->post("setup", {{"template", "t"}, {"name", "n"}},
                         std::move(fields));
  }

  /// Posts, expects the UID in time and returns the job's id.
  std::string accept_job() {
    const auto answer = post();
    EXPECT_EQ(answer.status, 200) << answer.body << service->log();
    return answer.json().at("job").get<std::string>();
  }

  bool wait_for_requests(const std::string& method_and_path, int count) {
    return api.wait_until([&](const json& counts) {
      const auto found = counts["paths"].find(method_and_path);
      return found != counts["paths"].end() && (*found)["requests"] >= count;
    });
  }

  bool wait_for_in_flight(int count) {
    return api.wait_until(
      [&](const json& counts) { return counts["in_flight"] == count; });
  }

  /// What `/api/v1/supervisor` shows.
  json tree() const {
    const auto answer = service->admin("GET", "/api/v1/supervisor");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("Content-Type"), "application/json");
    return answer.json();
  }

  /// The same once `done`; fails if that does not come.
  json wait_for_tree(const std::function<bool(const json&)>& done) const {
    const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds{20};
    for (;;) {
      auto shown = tree();
      if (done(shown))
        return shown;
      if (std::chrono::steady_clock::now() >= end) {
        ADD_FAILURE() << shown.dump(2) << service->log();
        return shown;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  }

  /// The job behind the newest clone, for a test whose sender never learned it.
  std::string job_of_last_clone() {
    const auto seen = api.requests("path=/projects/*/clone&limit=1");
    const auto key =
      seen.at(0).at("headers").at("Idempotency-Key").get<std::string>();
    return key.substr(0, key.find('.'));
  }

  fake_api api;
  handoff_options options;
  nlohmann::json flow;
  std::unique_ptr<handoff_service> service;

  const nlohmann::json hang = {{"fault", "hang"}};
  const nlohmann::json reset = {{"fault", "reset"}};
  const nlohmann::json ok = nlohmann::json::object();

  static nlohmann::json status(int code) { return {{"status", code}}; }
};

} // namespace handoff::support
