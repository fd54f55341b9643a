// What follows the sub-actions: what is undone after a failure, and what the
// sender's system is told.

#include "job/standard_webhook.hpp"
#include "tests/integration/command_test.hpp"
#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

namespace handoff::support {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FollowUpTest : public ServiceTest {
protected:
  static constexpr const char* secret =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

  FollowUpTest() {
    flow["callback"] = {{"url", api.url("/done")},
                        {"secret", "${env:CALLBACK_SECRET}"},
                        {"on", {"cloned", "succeeded", "failed"}}};
    options.environment["CALLBACK_SECRET"] = secret;
  }

  /// Three sub-actions in a row that can be undone; the last one fails.
  void fail_and_compensate() {
    flow["sub_actions"] = json::array();
    for (const auto* name : {"s1", "s2", "s3"}) {
      auto sub = sub_action(name);
      sub["on_failure"] = "compensate";
      sub["compensate"] = undo(name);
      flow["sub_actions"].push_back(sub);
    }
    flow["sub_actions"][1]["after"] = {"s1"};
    flow["sub_actions"][2]["after"] = {"s2"};
    flow["clone"]["compensate"] = {{"method", "DELETE"},
                                   {"url", api.url("/projects/{{uid}}")}};
  }

  json undo(const std::string& name) const {
    return {{"method", "DELETE"},
            {"url", api.url("/projects/{{uid}}/" + name)}};
  }

  /// What the fake API was asked that has the method, in order.
  std::vector<std::string> paths(const std::string& method) const {
    std::vector<std::string> found;
    auto seen = api.requests();
    for (const auto& each : seen)
      if (each.at("method") == method)
        found.push_back(each.at("path"));
    return found;
  }

  /// Until the journal has that so many were undone: what was not committed
  /// when the service dies is done once more.
  bool wait_until_undone(const std::string& job, std::ptrdiff_t count) const {
    for (int tries = 0; tries < 2'000; ++tries) {
      const auto shown = service->job(job);
      const auto& all = shown.at("compensations");
      if (std::count_if(
            all.begin(), all.end(),
            [](const auto& each) { return each.at("status") == "succeeded"; })
          == count)
        return true;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return false;
  }

  json wait_for_callbacks(const std::string& job, std::size_t count) const {
    for (int tries = 0; tries < 2'000; ++tries) {
      const auto shown = service->job(job);
      const auto& all = shown.at("callbacks");
      if (all.size() == count
          && std::all_of(all.begin(), all.end(), [](const auto& each) {
               return each.at("status") == "succeeded";
             }))
        return shown;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    ADD_FAILURE() << service->job(job).dump(1);
    return {};
  }

  std::string admin_url() const {
    return "--url=http://127.0.0.1:" + std::to_string(service->admin_port());
  }

  static std::string field(const json& seen, const std::string& name) {
    const auto& fields = seen.at("headers");
    for (auto each = fields.begin(); each != fields.end(); ++each)
      if (find_header({{each.key(), ""}}, name) != nullptr)
        return each.value();
    return {};
  }
};

TEST_F(FollowUpTest, UndoesInReverseOrderAndTells) {
  fail_and_compensate();
  script(on("/projects/*/clone", ok), json{{"method", "POST"},
                                           {"path", "/projects/*/s3"},
                                           {"steps", {status(404)}}});
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "failed");
  EXPECT_THAT(
    paths("DELETE"),
    ElementsAre("/projects/p-1/s2", "/projects/p-1/s1", "/projects/p-1"));
  const auto shown = wait_for_callbacks(job, 2);
  EXPECT_EQ(shown["callbacks"][0]["name"], "cloned");
  EXPECT_EQ(shown["callbacks"][1]["name"], "failed");
  ASSERT_EQ(shown["compensations"].size(), 3u);
  for (const auto& each : shown["compensations"])
    EXPECT_EQ(each["status"], "succeeded") << each;
  EXPECT_EQ(service->admin("POST", "/api/v1/jobs/" + job + "/retry").status,
            409);
}

TEST_F(FollowUpTest, IsSignedAsStandardWebhooksHasIt) {
  start();
  const auto job = accept_job();
  wait_for_callbacks(job, 2);
  const auto told = api.requests("path=/done");
  ASSERT_EQ(told.size(), 2u);
  for (const auto& each : told) {
    const auto id = field(each, "webhook-id");
    EXPECT_THAT(id, testing::StartsWith(job + "_"));
    const wall_time at{
      std::chrono::seconds{std::stoll(field(each, "webhook-timestamp"))}};
    const auto body = each.at("body").is_string()
                      ? each.at("body").get<std::string>()
                      : each.at("body").dump();
    EXPECT_EQ(
      field(each, "webhook-signature"),
      std::get<std::string>(sign_standard_webhook(secret, id, at, body)));
    EXPECT_EQ(json::parse(body).at("data").at("job"), job);
  }
  EXPECT_THAT(service->log() + service->job(job).dump(),
              Not(HasSubstr("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
}

TEST_F(FollowUpTest, GoesOnUndoingAfterACrash) {
  fail_and_compensate();
  script(
    on("/projects/*/clone", ok),
    json{{"method", "DELETE"}, {"path", "/projects/*/s1"}, {"steps", {hang}}},
    json{{"method", "POST"},
         {"path", "/projects/*/s3"},
         {"steps", {status(404)}}});
  start();
  const auto job = accept_job();
  ASSERT_TRUE(wait_for_requests("DELETE /projects/p-1/s1", 1));
  ASSERT_TRUE(wait_until_undone(job, 1));
  service->kill();
  script();
  service->restart();
  service->wait_for_job(job, "failed");
  EXPECT_THAT(paths("DELETE"),
              ElementsAre("/projects/p-1/s2", "/projects/p-1/s1",
                          "/projects/p-1/s1", "/projects/p-1"))
    << "only what was under way is made again";
  EXPECT_EQ(api.counts()["keys"][job + ".s1"]["requests"], 1);
  EXPECT_EQ(api.counts()["keys"][job + ".s3"]["requests"], 1);
}

TEST_F(FollowUpTest, TellsAfterACrashUnderTheSameId) {
  flow["callback"]["on"] = {"succeeded"};
  script(on("/done", hang));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  ASSERT_TRUE(wait_for_requests("POST /done", 1));
  service->kill();
  script();
  service->restart();
  wait_for_callbacks(job, 1);
  const auto told = api.requests("path=/done");
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(field(told[0], "webhook-id"), job + "_succeeded");
  EXPECT_EQ(field(told[1], "webhook-id"), job + "_succeeded");
  EXPECT_EQ(told[0]["body"], told[1]["body"]);
  for (int i = 1; i <= 6; ++i)
    EXPECT_EQ(api.counts()["keys"][job + ".s" + std::to_string(i)]["requests"],
              1);
}

TEST_F(FollowUpTest, TellsOfAFailedCloneWhoseSenderHadA202) {
  flow["callback"]["on"] = {"failed"};
  script(on("/projects/*/clone", json{{"delay", "100ms"}, {"status", 403}}));
  start();
  const auto answer = post({{"Prefer", "respond-async"}});
  ASSERT_EQ(answer.status, 202);
  const auto job = answer.json()["job"].get<std::string>();
  service->wait_for_job(job, "failed");
  wait_for_callbacks(job, 1);
  EXPECT_EQ(api.counts("POST /done")["requests"], 1);
}

TEST_F(FollowUpTest, ShowsAndRetriesACallbackThatFailed) {
  flow["callback"]["on"] = {"succeeded"};
  script(on("/done", status(400), ok));
  start();
  const auto job = accept_job();
  service->wait_for_job(job, "succeeded");
  ASSERT_TRUE(wait_for_requests("POST /done", 1));
  const auto shown = [&] {
    return run_handoff({"show", job, admin_url()});
  };
  for (int tries = 0; tries < 500; ++tries)
    if (shown().output.find("callback succeeded") != std::string::npos
        && service->job(job)["callbacks"][0]["status"] == "failed")
      break;
  EXPECT_THAT(shown().output, HasSubstr("callback succeeded"));
  const auto retried = run_handoff({"retry", job, admin_url()});
  EXPECT_EQ(retried.code, 0) << retried.error;
  wait_for_callbacks(job, 1);
  EXPECT_EQ(service->job(job)["status"], "succeeded");
}

} // namespace handoff::support
