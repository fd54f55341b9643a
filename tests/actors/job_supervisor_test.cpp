#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class JobSupervisorTest : public ActorTest {
protected:
  void SetUp() override {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  }

  /// Time between a sub-action's calls.
  std::vector<milliseconds> pauses_of(std::string_view path) {
    std::vector<milliseconds> pauses;
    const auto calls = upstream->calls_of(path);
    for (std::size_t at = 1; at < calls.size(); ++at)
      pauses.push_back(calls[at].at - calls[at - 1].at);
    return pauses;
  }
};

TEST_F(JobSupervisorTest, RunsSixSubActionsThreeAtATime) {
  start();
  for (const auto* path : {"/a", "/b", "/c", "/d", "/e", "/f"})
    upstream->script[path] = {answers(200, "{}", 1s)};
  const auto id = post(load_with({"a", "b", "c", "d", "e", "f"}));
  run_for(1990ms);
  EXPECT_EQ(job_of(id).status, job_status::running);
  run_for(20ms);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(upstream->in_flight_max, 3u);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobSupervisorTest, RunsAsManyAtATimeAsThePoolHas) {
  options.pool_workers = 1;
  start();
  for (const auto* path : {"/a", "/b"})
    upstream->script[path] = {answers(200, "{}", 1s)};
  post(load_with({"a", "b"}));
  run_for(3s);
  EXPECT_EQ(upstream->in_flight_max, 1u);
}

TEST_F(JobSupervisorTest, SucceedsWithoutSubActions) {
  start();
  const auto id = post(load_with({}));
  run_for(1ms);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(JobSupervisorTest, FailsAnAttemptThatCannotBeFilledIn) {
  start();
  const auto definition =
    load({{"sub_actions",
           {{{"name", "a"},
             {"request",
              {{"method", "POST"},
               {"url", "http://127.0.0.1:9001/a/{{clone/none}}"}}}}}}});
  const auto record = job_of(post(definition));
  EXPECT_EQ(record.status, job_status::failed);
  const auto& attempts = record.sub_actions.at(0).attempts;
  ASSERT_THAT(attempts, SizeIs(1));
  ASSERT_TRUE(attempts[0].failure);
  EXPECT_EQ(attempts[0].failure->kind, error_kind::template_failed);
}

TEST_F(JobSupervisorTest, RetriesWithBackoffWithoutDelayingTheOthers) {
  start();
  upstream->script["/a"] = {answers(500), answers(503), answers(200)};
  for (const auto* path : {"/b", "/c", "/d"})
    upstream->script[path] = {answers(200, "{}", 100ms)};
  const auto id = post(load_with({"a", "b", "c", "d"}));
  run_for(150ms);
  EXPECT_THAT(statuses_of(id),
              ElementsAre("retrying", "succeeded", "succeeded", "succeeded"));
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(pauses_of("/a"), ElementsAre(500ms, 1000ms));
  for (const auto& each : upstream->calls_of("/a"))
    EXPECT_EQ(each.key, id + ".a");
}

TEST_F(JobSupervisorTest, GivesUpAfterLastAttempt) {
  start();
  upstream->script["/a"] = {answers(500)};
  const auto id = post(load_with({"a", "b"}));
  run_for(60s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(5));
  EXPECT_THAT(statuses_of(id), ElementsAre("failed", "succeeded"));
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(job_of(id).sub_actions[0].failure->kind,
            error_kind::upstream_status);
}

TEST_F(JobSupervisorTest, DoesNotRetryWhatIsPermanent) {
  start();
  upstream->script["/a"] = {answers(404)};
  const auto id = post(load_with({"a"}));
  run_for(60s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(job_of(id).sub_actions[0].attempts[0].http_status, 404);
}

TEST_F(JobSupervisorTest, WaitsAsLongAsTheUpstreamAsks) {
  start();
  auto busy = answers(429);
  busy.done.headers = {{"retry-after", "7"}};
  upstream->script["/a"] = {busy, answers(200)};
  post(load_with({"a"}));
  run_for(10s);
  EXPECT_THAT(pauses_of("/a"), ElementsAre(7000ms));
}

TEST_F(JobSupervisorTest, SkipsWhatComesAfterAFailure) {
  start();
  upstream->script["/a"] = {answers(400)};
  auto list = json::array();
  for (const auto& [name, after] : {std::pair{"a", json::array()},
                                    {"b", json{"a"}},
                                    {"c", json{"b"}},
                                    {"d", json::array()}})
    list.push_back({{"name", name},
                    {"after", after},
                    {"request",
                     {{"method", "POST"},
                      {"url", std::string{"http://127.0.0.1:9001/"} + name}}}});
  const auto id = post(load({{"sub_actions", list}}));
  run_for(1s);
  EXPECT_THAT(statuses_of(id),
              ElementsAre("failed", "skipped", "skipped", "succeeded"));
  EXPECT_EQ(job_of(id).status, job_status::failed);
}

TEST_F(JobSupervisorTest, PassesAnAnswerToWhatComesAfter) {
  start();
  upstream->script["/a"] = {answers(200, R"({"id":"f?1"})")};
  const auto id = post(load(
    {{"sub_actions",
      {{{"name", "a"},
        {"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9001/a"}}}},
       {{"name", "b"},
        {"after", {"a"}},
        {"request",
         {{"method", "PUT"},
          {"url", "http://127.0.0.1:9001/{{sub/a/id}}/x"}}}}}}}));
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/f%3F1/x"), SizeIs(1));
}

TEST_F(JobSupervisorTest, MakesTheAttemptAgainWhenItsWorkerDies) {
  auto deaths = std::make_shared<int>(0);
  options.fault = [deaths](std::string_view actor) {
    if (actor == "sub_action" && ++*deaths == 2)
      throw std::runtime_error("made to die");
  };
  start();
  for (const auto* path : {"/a", "/b", "/c"})
    upstream->script[path] = {answers(200, "{}", 100ms)};
  const auto id = post(load_with({"a", "b", "c"}));
  run_for(1s);
  EXPECT_THAT(statuses_of(id), Each("succeeded"));
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  const auto attempts = job_of(id).sub_actions[1].attempts;
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_EQ(attempts[0].failure->kind, error_kind::worker_crashed);
  EXPECT_FALSE(attempts[0].counted);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/c"), SizeIs(1));
}

TEST_F(JobSupervisorTest, QuarantinesWhatKillsItsWorkerAgainAndAgain) {
  options.fault = [](std::string_view actor) {
    if (actor == "sub_action")
      throw std::runtime_error("made to die");
  };
  start();
  const auto id = post(load_with({"a"}));
  run_for(20s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.sub_actions[0].failure->kind, error_kind::quarantined);
  EXPECT_THAT(record.sub_actions[0].attempts, SizeIs(6));
}

TEST_F(JobSupervisorTest, GoesOnWhenTheJournalIsBack) {
  start();
  upstream->script["/a"] = {answers(200, "{}", 1s)};
  const auto id = post(load_with({"a"}));
  run_for(500ms);
  store->fails = true;
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::running);
  store->fails = false;
  run_for(1100ms);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
}

TEST_F(JobSupervisorTest, KeepsAnAnswerOnlyWhereAnExpressionAsksForIt) {
  start();
  upstream->script["/a"] = {answers(200, R"({"id":"a-1"})")};
  upstream->script["/b"] = {answers(200, R"({"token":"t"})")};
  auto list = json::array();
  for (const auto* name : {"a", "b"})
    list.push_back({{"name", name},
                    {"request",
                     {{"method", "POST"},
                      {"url", std::string{"http://127.0.0.1:9001/"} + name}}}});
  list.push_back(
    {{"name", "c"},
     {"after", {"a", "b"}},
     {"request",
      {{"method", "POST"}, {"url", "http://127.0.0.1:9001/c/{{sub/a/id}}"}}}});
  const auto id = post(load({{"sub_actions", list}}));
  run_for(1s);
  EXPECT_THAT(upstream->calls_of("/c/a-1"), SizeIs(1));
  EXPECT_EQ(job_of(id).sub_actions[0].answer, json({{"id", "a-1"}}));
  EXPECT_EQ(job_of(id).sub_actions[1].answer, json(nullptr));
}

TEST_F(JobSupervisorTest, MasksSecretsInWhatItJournals) {
  start();
  auto echo = fails(error_kind::connection_lost, true);
  echo.done.failure->detail = "reset by hunter2";
  upstream->script["/a"] = {echo};
  auto flow = json{{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}};
  flow["sub_actions"] = {
    {{"name", "a"},
     {"request", {{"method", "POST"}, {"url", "http://127.0.0.1:9001/a"}}}}};
  const auto id = post(load(flow));
  run_for(60s);
  const auto sub = job_of(id).sub_actions.at(0);
  ASSERT_THAT(sub.attempts, SizeIs(5));
  for (const auto& each : sub.attempts)
    EXPECT_EQ(each.failure->detail, "reset by ***");
  EXPECT_EQ(sub.failure->detail, "reset by ***");
}

// Goal: what is skipped was never attempted, also where a crash makes the
// service forget what it had not journaled.
TEST_F(JobSupervisorTest, JournalsTheBeginOfWhatMayBeSkippedBeforeItsCall) {
  commit_delay = 500ms;
  start();
  const auto step = [](const char* name) {
    return nlohmann::json{
      {"name", name},
      {"on_failure", "halt"},
      {"request",
       {{"method", "POST"},
        {"url", "http://127.0.0.1:9001/" + std::string{name}}}}};
  };
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  const auto id = post(load({{"sub_actions", {step("a"), step("b")}}}));
  while (upstream->calls_of("/a").empty() && now() < 10s)
    run_for(1ms);
  EXPECT_THAT(job_of(id).sub_actions.at(0).attempts, SizeIs(1));
}

} // namespace
} // namespace handoff::test
