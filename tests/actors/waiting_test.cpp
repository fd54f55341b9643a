// Jobs that wait for what their upstreams work on, judge answers by their
// bodies, and choose what they do.

#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

#include <utility>

namespace handoff {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using json = nlohmann::json;

class WaitingJobTest : public ActorTest {
protected:
  WaitingJobTest() {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  }

  static json request_to(const std::string& path, const char* method = "POST") {
    return {{"method", method}, {"url", "http://127.0.0.1:9001" + path}};
  }

  static json waiting_step() {
    return {{"name", "copied"},
            {"request", request_to("/copied", "GET")},
            {"until", {{"at", "/status"}, {"is", "done"}}},
            {"fails", {{"at", "/status"}, {"is", "failed"}}},
            {"every", "2s"},
            {"for", "1min"}};
  }

  static json polled_clone() {
    return {{"request", request_to("/clone")},
            {"poll",
             {{"request", request_to("/made/{{accepted/id}}", "GET")},
              {"until", {{"at", "/status"}, {"is", "done"}}},
              {"fails", {{"at", "/status"}, {"is", "failed"}}},
              {"every", "1s"},
              {"for", "30s"}}},
            {"uid", "/project/id"}};
  }
};

TEST_F(WaitingJobTest, LooksUntilItIsThere) {
  start();
  const auto not_yet = answers(200, R"({"status":"busy"})");
  upstream->script["/copied"] = {not_yet, not_yet, not_yet,
                                 answers(200, R"({"status":"done"})")};
  upstream->script["/use"] = {answers(200)};
  const auto id = post(load({{"sub_actions",
                              {waiting_step(),
                               {{"name", "use"},
                                {"after", {"copied"}},
                                {"request", request_to("/use")}}}}}));
  run_for(1s);
  EXPECT_EQ(job_of(id).sub_actions[0].status, sub_action_status::retrying);
  EXPECT_EQ(upstream->calls_of("/use").size(), 0u);
  run_for(10s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/copied"), SizeIs(4));
  // The begin and the end, not each look.
  EXPECT_THAT(job_of(id).sub_actions[0].attempts, SizeIs(2));
  EXPECT_EQ(job_of(id).sub_actions[0].counted, 1u);
}

TEST_F(WaitingJobTest, FailsWhereWhatIsWaitedForFails) {
  start();
  upstream->script["/copied"] = {answers(200, R"({"status":"busy"})"),
                                 answers(200, R"({"status":"failed"})")};
  const auto id = post(load({{"sub_actions", {waiting_step()}}}));
  run_for(5s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.sub_actions[0].failure->kind, error_kind::wait_failed);
}

TEST_F(WaitingJobTest, FailsWhereItIsNotThereInTime) {
  start();
  upstream->script["/copied"] = {answers(200, R"({"status":"busy"})")};
  const auto id = post(load({{"sub_actions", {waiting_step()}}}));
  run_for(59s);
  EXPECT_EQ(job_of(id).status, job_status::running);
  run_for(3s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.sub_actions[0].failure->kind, error_kind::wait_timed_out);
}

TEST_F(WaitingJobTest, SkipsWhatIsNotWanted) {
  start();
  for (const auto* path : {"/team", "/other"})
    upstream->script[path] = {answers(200)};
  const auto id =
    post(load({{"sub_actions",
                {{{"name", "team"},
                  {"when", {{"value", "{{body/team}}"}, {"exists", true}}},
                  {"request", request_to("/team")}},
                 {{"name", "other"},
                  {"after", {"team"}},
                  {"request", request_to("/other")}}}}}));
  run_for(1s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  EXPECT_EQ(record.sub_actions[0].status, sub_action_status::skipped);
  EXPECT_THAT(upstream->calls_of("/team"), SizeIs(0));
  EXPECT_THAT(upstream->calls_of("/other"), SizeIs(1));
}

TEST_F(WaitingJobTest, FailsWhereARuleSaysSo) {
  start();
  upstream->script["/a"] = {
    answers(200, R"({"errors":[{"message":"no such board"}]})")};
  const auto id = post(load({{"sub_actions",
                              {{{"name", "a"},
                                {"outcome", "graphql"},
                                {"request", request_to("/a")}}}}}));
  run_for(1min);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_THAT(record.sub_actions[0].failure->detail,
              HasSubstr("no such board"));
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
}

TEST_F(WaitingJobTest, WaitsOutNotNowWithoutCountingIt) {
  start();
  auto busy = answers(429);
  busy.done.headers = {{"Retry-After", "60"}};
  upstream->script["/a"] = {busy, busy, busy, busy, busy, busy, answers(200)};
  const auto id = post(
    load({{"sub_actions", {{{"name", "a"}, {"request", request_to("/a")}}}}}));
  run_for(7min);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::succeeded);
  EXPECT_EQ(record.sub_actions[0].counted, 1u);
  // The upstream asked it of all calls, not of this one.
  EXPECT_EQ(turns->pauses,
            (std::vector<std::pair<std::string, milliseconds>>(
              6, {"http://127.0.0.1:9001", milliseconds{60'000}})));
}

// Goal: a token that is refused is renewed once, and costs no attempt.
TEST_F(WaitingJobTest, MakesACallOnceMoreWithANewToken) {
  connection graph;
  graph.name = "graph";
  graph.url = "http://127.0.0.1:9001";
  graph.auth.type = connection_auth::kind::oauth2;
  const auto all =
    connection_set{{"graph", std::make_shared<const connection>(graph)}};
  options.connections->replace(all);
  start();
  auto refused = answers(401);
  refused.done.token = 7;
  upstream->script["/clone"] = {refused, answers(201, R"({"id":"p"})")};
  upstream->script["/a"] = {refused, refused};
  const json through{{"method", "POST"}, {"connection", "graph"}};
  auto clone = through;
  clone["path"] = "/clone";
  clone["url"] = nullptr; // takes out that of the fixture
  auto step = through;
  step["path"] = "/a";
  const auto id = post(load(
    {{"clone",
      {{"request", clone}, {"uid", "/id"}, {"retry", {{"max_attempts", 1}}}}},
     {"sub_actions", {{{"name", "a"}, {"request", step}}}}},
    all));
  run_for(1min);
  const auto record = job_of(id);
  EXPECT_EQ(record.clone.uid, json("p"));
  EXPECT_EQ(record.clone.counted, 1u);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.sub_actions[0].counted, 1u);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(2));
  EXPECT_EQ(turns->refused, (std::vector<std::pair<std::string, std::uint64_t>>(
                              2, {"graph", 7})));
}

TEST_F(WaitingJobTest, AdoptsTheUidThatAPollBrings) {
  start();
  upstream->script["/clone"] = {answers(202, R"({"id":5})")};
  upstream->script["/made/5"] = {
    answers(200, R"({"status":"busy"})"), answers(503),
    answers(200, R"({"status":"done","project":{"id":"p-9"}})")};
  const auto id = post(load({{"clone", polled_clone()}}));
  run_for(5s);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
  EXPECT_EQ(job_of(id).clone.uid, json("p-9"));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/made/5"), SizeIs(3));
}

TEST_F(WaitingJobTest, IsAmbiguousWhereAPollIsNeverDone) {
  start();
  upstream->script["/clone"] = {answers(202, R"({"id":5})")};
  upstream->script["/made/5"] = {answers(200, R"({"status":"busy"})")};
  auto clone = polled_clone();
  clone["safe_to_repeat"] = true;
  const auto id = post(load({{"clone", clone}}));
  run_for(60s);
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(WaitingJobTest, FailsWhereAPollSaysThatTheCloneFailed) {
  start();
  upstream->script["/clone"] = {answers(202, R"({"id":5})")};
  upstream->script["/made/5"] = {answers(200, R"({"status":"failed"})")};
  const auto id = post(load({{"clone", polled_clone()}}));
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(responder->given.at(0).status, 502);
}

TEST_F(WaitingJobTest, RefusesAWebhookThatLacksWhatASubActionNeeds) {
  start();
  post(
    load({{"sub_actions",
           {{{"name", "a"}, {"request", request_to("/a/{{body/team}}")}}}}}));
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 400);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(0));
}

/// What the job asked of this name; one that was asked nothing if it did not.
inquiry asked(const std::vector<inquiry>& all, const std::string& name) {
  for (const auto& each : all)
    if (each.name == name)
      return each;
  inquiry none;
  none.last.number = 0;
  return none;
}

/// What the last of them was answered; empty: it is not kept.
std::string answer_to(const inquiry& made) {
  return made.last.response ? made.last.response->body : std::string{};
}

TEST_F(WaitingJobTest, KeepsHowOftenItLookedAndWhatItFoundLast) {
  start();
  const auto not_yet = answers(200, R"({"status":"busy"})");
  upstream->script["/copied"] = {not_yet, not_yet, not_yet,
                                 answers(200, R"({"status":"failed"})")};
  const auto id = post(load({{"sub_actions", {waiting_step()}}}));
  run_for(5s);
  // While it waits, the journal does not know: to look costs no commit.
  EXPECT_EQ(asked(job_of(id).sub_actions[0].inquiries, "until").last.number,
            1u);
  const auto open = options.inquiries->of(id);
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0].made.last.number, 3u);
  EXPECT_EQ(open[0].made.finding, "not-yet");
  EXPECT_THAT(answer_to(open[0].made), HasSubstr("busy"));
  run_for(5s);
  const auto look = asked(job_of(id).sub_actions[0].inquiries, "until");
  EXPECT_EQ(look.last.number, 4u);
  EXPECT_EQ(look.finding, "failed");
  EXPECT_EQ(look.last.http_status, 200);
  EXPECT_THAT(answer_to(look), HasSubstr("failed"));
  EXPECT_LT(look.first, look.last.started);
  EXPECT_THAT(options.inquiries->of(id), SizeIs(0));
}

TEST_F(WaitingJobTest, KeepsHowOftenItPolledAndWhatWasAnsweredLast) {
  start();
  upstream->script["/clone"] = {answers(202, R"({"id":5})")};
  upstream->script["/made/5"] = {answers(200, R"({"status":"busy"})")};
  const auto id = post(load({{"clone", polled_clone()}}));
  run_for(5s);
  ASSERT_THAT(options.inquiries->of(id), SizeIs(1));
  run_for(55s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::ambiguous);
  const auto poll = asked(record.clone.inquiries, "poll");
  EXPECT_EQ(poll.last.number, upstream->calls_of("/made/5").size());
  EXPECT_EQ(poll.finding, "not-yet");
  EXPECT_THAT(answer_to(poll), HasSubstr("busy"));
  EXPECT_THAT(options.inquiries->of(id), SizeIs(0));
}

TEST_F(WaitingJobTest, KeepsWhatAProbeWasAnsweredLast) {
  start();
  upstream->script["/clone"] = {fails(error_kind::attempt_timed_out, true)};
  upstream->script["/find"] = {answers(200, R"({"items":[]})"), answers(500)};
  const auto id = post(load({{"clone",
                              {{"request", request_to("/clone")},
                               {"uid", "/id"},
                               {"probe",
                                {{"request", request_to("/find", "GET")},
                                 {"uid", "/items/0/id"},
                                 {"every", "2s"},
                                 {"for", "6s"}}}}}}));
  run_for(30s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::ambiguous);
  const auto probe = asked(record.clone.inquiries, "probe");
  EXPECT_EQ(probe.last.number, upstream->calls_of("/find").size());
  EXPECT_GT(probe.last.number, 1u);
  EXPECT_EQ(probe.finding, "no-answer");
  EXPECT_EQ(probe.last.http_status, 500);
  ASSERT_TRUE(probe.last.failure);
  EXPECT_THAT(probe.last.failure->detail, HasSubstr("500"));
}

TEST_F(WaitingJobTest, KeepsWhatACallBeforeTheCloneWasAnsweredLast) {
  start();
  upstream->script["/order"] = {answers(503),
                                answers(422, R"({"why":"no such order"})")};
  const auto id = post(
    load({{"prepare",
           {{{"name", "order"}, {"request", request_to("/order", "GET")}}}}}));
  run_for(30s);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  const auto order = asked(record.clone.inquiries, "prepare:order");
  EXPECT_EQ(order.last.number, 2u);
  EXPECT_EQ(order.last.http_status, 422);
  EXPECT_EQ(order.finding, "failed");
  EXPECT_THAT(answer_to(order), HasSubstr("no such order"));
}

// Goal: who traces learns of each call beside the attempts under the span that
// the upstream was told of.
TEST_F(WaitingJobTest, TellsOfEachPollWithASpanOfItsOwn) {
  std::vector<step_inquiry> told;
  options.asked = [&](const job&, const step_inquiry& each) {
    told.push_back(each);
  };
  start();
  upstream->script["/clone"] = {answers(202, R"({"id":5})")};
  upstream->script["/made/5"] = {
    answers(200, R"({"status":"busy"})"),
    answers(200, R"({"status":"done","project":{"id":"p-9"}})")};
  const auto id = post(load({{"clone", polled_clone()}}));
  run_for(5s);
  ASSERT_THAT(told, SizeIs(2));
  const auto calls = upstream->calls_of("/made/5");
  ASSERT_THAT(calls, SizeIs(2));
  for (std::size_t at = 0; at < 2; ++at)
    EXPECT_THAT(
      calls[at].traceparent,
      HasSubstr(span_id_of(id, "clone:poll", told[at].made.last.started)));
}

} // namespace
} // namespace handoff
