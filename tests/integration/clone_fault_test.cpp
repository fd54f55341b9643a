// Goal: a clone that goes wrong is never made twice by guessing, and its sender
// hears what is known. Method: each fault, alone and followed by a good answer.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CloneFaultTest : public ServiceTest {
protected:
  CloneFaultTest() { flow["clone"]["timeout"] = "300ms"; }

  int clones() const {
    return api.counts("POST /projects/t/clone")["requests"].get<int>();
  }

  /// Expects a problem document of that status; returns it.
  json expect_problem(const http_response& answer, int code) {
    EXPECT_EQ(answer.status, code) << answer.body << service->log();
    EXPECT_THAT(answer.header("Content-Type"),
                StartsWith("application/problem+json"));
    const auto body = answer.json();
    EXPECT_EQ(body.at("status"), code);
    EXPECT_TRUE(body.contains("type") && body.contains("title")
                && body.contains("detail") && body.contains("job"))
      << body;
    return body;
  }

  /// A 5xx would have the sender ask for a second clone.
  void expect_ambiguous(const http_response& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body << service->log();
    const auto body = answer.json();
    EXPECT_EQ(body.at("status"), "ambiguous");
    EXPECT_EQ(answer.header("Location"),
              "/hooks/setup/jobs/" + body.at("job").get<std::string>());
  }

  void expect_ambiguous_after(const json& step) {
    script(on("/projects/*/clone", step));
    start();
    const auto first = post({{"Idempotency-Key", "k"}});
    expect_ambiguous(first);
    const std::string job = first.json().at("job");
    service->wait_for_job(job, "ambiguous");
    const auto again = post({{"Idempotency-Key", "k"}});
    expect_ambiguous(again);
    EXPECT_EQ(again.json().at("job"), job);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(clones(), 1);
    EXPECT_EQ(api.counts()["requests"], 1) << "a sub-action ran";
  }

  void expect_failed_after(const json& step) {
    script(on("/projects/*/clone", step));
    start();
    const auto problem = expect_problem(post(), 502);
    EXPECT_THAT(problem.at("type").get<std::string>(),
                Not(EndsWith("/clone-ambiguous")));
    if (step.contains("status")) {
      EXPECT_THAT(problem.dump(), HasSubstr(step["status"].dump()));
    }
    service->wait_for_job(problem.at("job"), "failed");
    EXPECT_EQ(clones(), 1);
    EXPECT_EQ(api.counts()["requests"], 1) << "a sub-action ran";
  }
};

TEST_F(CloneFaultTest, IsAmbiguousAfterHang) {
  expect_ambiguous_after(hang);
}

TEST_F(CloneFaultTest, IsAmbiguousAfterDrip) {
  expect_ambiguous_after(
    {{"fault", {{"drip", {{"every", "100ms"}, {"bytes", 1}}}}}});
}

TEST_F(CloneFaultTest, IsAmbiguousAfterReset) {
  expect_ambiguous_after(reset);
}

TEST_F(CloneFaultTest, IsAmbiguousAfterCloseWithoutAnswer) {
  expect_ambiguous_after({{"fault", "close"}});
}

TEST_F(CloneFaultTest, IsAmbiguousAfterHalfAnAnswer) {
  expect_ambiguous_after({{"fault", "cut"}});
}

TEST_F(CloneFaultTest, IsAmbiguousAfterBadGateway) {
  expect_ambiguous_after(status(502));
}

TEST_F(CloneFaultTest, IsAmbiguousAfterGatewayTimeout) {
  expect_ambiguous_after(status(504));
}

TEST_F(CloneFaultTest, FailsAfterServerError) {
  expect_failed_after(status(500));
}

TEST_F(CloneFaultTest, FailsAfterClientError) {
  expect_failed_after(status(422));
}

TEST_F(CloneFaultTest, IsAmbiguousWithoutUidInTheAnswer) {
  expect_ambiguous_after({{"body", {{"name", "no id"}}}});
}

TEST_F(CloneFaultTest, IsAmbiguousWithEmptyUid) {
  expect_ambiguous_after({{"body", {{"id", ""}}}});
}

TEST_F(CloneFaultTest, RetriesWhatSaysThatNothingWasDone) {
  flow["clone"]["retry"] = {{"max_attempts", 3}};
  script(on("/projects/*/clone", status(503), status(429), ok));
  start();
  const auto job = accept_job();
  EXPECT_EQ(clones(), 3);
  EXPECT_EQ(api.counts()["keys"][job + ".clone"]["requests"], 3);
}

TEST_F(CloneFaultTest, GivesUpAfterTheLastAttempt) {
  flow["clone"]["retry"] = {{"max_attempts", 2}};
  script(on("/projects/*/clone", status(503)));
  start();
  const auto problem = expect_problem(post(), 502);
  service->wait_for_job(problem.at("job"), "failed");
  EXPECT_EQ(clones(), 2);
}

TEST_F(CloneFaultTest, RepeatsUnknownCloneWhereTheFlowAllowsIt) {
  flow["clone"]["safe_to_repeat"] = true;
  flow["clone"]["retry"] = {{"max_attempts", 2}};
  script(on("/projects/*/clone", reset, ok));
  start();
  const auto job = accept_job();
  EXPECT_EQ(api.counts()["keys"][job + ".clone"]["requests"], 2);
}

TEST_F(CloneFaultTest, AdoptsTheCloneThatTheProbeFinds) {
  flow["clone"]["probe"] = {
    {"request",
     {{"method", "GET"}, {"url", api.url("/projects?marker={{job}}")}}},
    {"uid", "/items/0/id"}};
  script(on("/projects/*/clone", reset),
         on("/projects", json{{"body", {{"items", {{{"id", "found"}}}}}}}));
  start();
  const auto answer = post();
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  EXPECT_EQ(answer.json()["uid"], "found");
  const auto job = answer.json()["job"].get<std::string>();
  EXPECT_EQ(api.requests("path=/projects")[0]["query"], "marker=" + job);
  EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), "found");
  EXPECT_EQ(clones(), 1);
}

TEST_F(CloneFaultTest, ClonesAgainWhereTheProbeFindsNothing) {
  flow["clone"]["retry"] = {{"max_attempts", 2}};
  flow["clone"]["probe"] = {
    {"request", {{"method", "GET"}, {"url", api.url("/projects")}}},
    {"uid", "/items/0/id"},
    {"every", "50ms"},
    {"for", "200ms"}};
  script(on("/projects/*/clone", reset, ok),
         on("/projects", json{{"body", {{"items", json::array()}}}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  EXPECT_EQ(clones(), 2);
  // "Not found" says something only once it has been so for a while.
  EXPECT_GE(api.counts("GET /projects")["requests"], 3);
}

TEST_F(CloneFaultTest, AdoptsOnlyTheElementThatThePickNames) {
  flow["clone"]["probe"] = {
    {"request", {{"method", "GET"}, {"url", api.url("/projects")}}},
    {"pick",
     {{"from", "/items"},
      {"where", {{"at", "/note"}, {"is", "{{body/note}}"}}}}},
    {"uid", "/id"}};
  script(on("/projects/*/clone", reset),
         on("/projects", json{{"body",
                               {{"items",
                                 {{{"id", "foreign"}, {"note", "other"}},
                                  {{"id", "mine"}, {"note", "n-1"}}}}}}}));
  start();
  const auto answer =
    service->post(flow["name"].get<std::string>(),
                  {{"template", "t"}, {"name", "n"}, {"note", "n-1"}});
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  EXPECT_EQ(answer.json()["uid"], "mine");
  EXPECT_EQ(clones(), 1);
}

TEST_F(CloneFaultTest, FailsWhereARuleCallsA200AFailure) {
  flow["clone"]["outcome"] = "graphql";
  expect_failed_after({{"body",
                        {{"errors", {{{"message", "no such board"}}}},
                         {"data", {{"id", "x"}}}}}});
}

} // namespace handoff::support
