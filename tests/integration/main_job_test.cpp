// The promise itself: the UID in time, or a job to look up; and the rest after.

#include "tests/integration/service_test.hpp"

#include <gmock/gmock.h>

namespace handoff::support {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MainJobTest : public ServiceTest {
protected:
  /// Expects a 202 for a job whose clone is still on its way; returns its id.
  std::string expect_accepted(const http_response& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body << service->log();
    const auto body = answer.json();
    const auto job = body.at("job").get<std::string>();
    EXPECT_EQ(body.at("status"), "cloning");
    EXPECT_EQ(answer.header("Location"), "/hooks/setup/jobs/" + job);
    EXPECT_EQ(api.counts("POST /projects/t/clone")["in_flight"], 1);
    return job;
  }

  /// Lets the clone be answered and expects the job to be finished with its
  /// UID, as the sender and the admin see it.
  void expect_finished_after_release(const std::string& job) {
    script(); // Sub-actions are answered at once.
    EXPECT_EQ(api.release(), 1u);
    EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), "late");
    const auto seen =
      request(service->port(), "GET", "/hooks/setup/jobs/" + job).json();
    EXPECT_EQ(seen,
              (json{{"job", job}, {"status", "succeeded"}, {"uid", "late"}}));
  }

  const json late = {{"fault", "hang"}, {"body", {{"id", "late"}}}};
};

TEST_F(MainJobTest, AnswersUidInTimeAndFinishesTheRest) {
  script(on("/projects/*/clone",
            json{{"delay", "700ms"}, {"body", {{"id", "new-1"}}}}));
  start();
  const auto answer = post();
  ASSERT_EQ(answer.status, 200) << answer.body << service->log();
  EXPECT_THAT(answer.header("Content-Type"), StartsWith("application/json"));
  const auto body = answer.json();
  const auto job = body.at("job").get<std::string>();
  EXPECT_EQ(body,
            (json{{"job", job}, {"status", "running"}, {"uid", "new-1"}}));
  EXPECT_EQ(answer.header("Location"), "/hooks/setup/jobs/" + job);

  EXPECT_EQ(service->wait_for_job(job, "succeeded").at("uid"), "new-1");
  const auto keys = api.counts()["keys"];
  EXPECT_EQ(keys.size(), 7u);
  EXPECT_EQ(keys[job + ".clone"]["requests"], 1);
  for (int i = 1; i <= 6; ++i)
    EXPECT_EQ(keys[job + ".s" + std::to_string(i)]["successes"], 1) << i;
  const auto seen = request(service->port(), "GET", answer.header("Location"));
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.json(),
            (json{{"job", job}, {"status", "succeeded"}, {"uid", "new-1"}}));
}

TEST_F(MainJobTest, BeginsNoSubActionBeforeTheCloneIsDone) {
  script(on("/projects/*/clone", json{{"delay", "50ms"}}));
  start();
  service->wait_for_job(accept_job(), "succeeded");
  const auto seen = api.requests();
  for (std::size_t i = 1; i < seen.size(); ++i)
    EXPECT_LT(seen[0]["ended"], seen[i]["began"]);
}

TEST_F(MainJobTest, AnswersBeforeAnySubActionIsDone) {
  script(on("/projects/*/clone", ok), on("/projects/**", hang));
  start();
  const auto job = accept_job(); // Else it would be held for the hanging ones.
  EXPECT_EQ(api.counts()["answered"], 1);
  ASSERT_TRUE(wait_for_in_flight(3));
  script();
  api.release();
  service->wait_for_job(job, "succeeded");
}

TEST_F(MainJobTest, AnswersWithJobWhenTheDeadlineComesFirst) {
  script(on("/projects/*/clone", late));
  start();
  expect_finished_after_release(expect_accepted(post()));
}

TEST_F(MainJobTest, TakesTheDeadlineOfTheFlow) {
  // A sender's ten seconds would be over before; the INI says a minute.
  options.ini["deadline"]["limit"] = "60s";
  flow["deadline"] = {{"limit", "1s"}};
  script(on("/projects/*/clone", late));
  start();
  expect_finished_after_release(expect_accepted(post()));
}

TEST_F(MainJobTest, AnswersAtOnceWhereTheSenderPrefersIt) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", late));
  start();
  const auto answer = post({{"Prefer", "respond-async"}});
  EXPECT_THAT(answer.header("Preference-Applied"), HasSubstr("respond-async"));
  EXPECT_EQ(answer.status, 202);
  // The answer does not wait for the clone to begin.
  ASSERT_TRUE(wait_for_requests("POST /projects/t/clone", 1));
  expect_finished_after_release(expect_accepted(answer));
}

TEST_F(MainJobTest, ShortensTheDeadlineByPreference) {
  options.ini["deadline"]["limit"] = "60s";
  script(on("/projects/*/clone", late));
  start();
  // The client's own patience of 30 s is what fails this test.
  const auto answer = post({{"Prefer", "wait=1"}});
  EXPECT_THAT(answer.header("Preference-Applied"), HasSubstr("wait"));
  expect_finished_after_release(expect_accepted(answer));
}

TEST_F(MainJobTest, NeverLengthensTheDeadlineByPreference) {
  script(on("/projects/*/clone", late));
  start();
  expect_finished_after_release(
    expect_accepted(post({{"Prefer", "wait=3600"}})));
}

TEST_F(MainJobTest, AnswersWithTheReplyOfTheFlow) {
  flow["reply"] = {
    {"status", 201},
    {"body",
     {{"token", "{{body/token}}"}, {"uid", "{{uid}}"}, {"in", "{{job}}"}}}};
  script(on("/projects/*/clone", json{{"body", {{"id", 17}}}}));
  start();
  const auto answer =
    service->post("setup", {{"template", "t"}, {"token", {{"a", 1}}}});
  EXPECT_EQ(answer.status, 201) << answer.body;
  const auto body = answer.json();
  EXPECT_EQ(body["uid"], 17);
  EXPECT_EQ(body["token"], (json{{"a", 1}}));
  EXPECT_EQ(answer.header("Location"),
            "/hooks/setup/jobs/" + body["in"].get<std::string>());
}

TEST_F(MainJobTest, SaysThatItKnowsNoSuchJob) {
  start();
  const auto answer = request(service->port(), "GET",
                              "/hooks/setup/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.header("Content-Type"),
              StartsWith("application/problem+json"));
}

} // namespace handoff::support
