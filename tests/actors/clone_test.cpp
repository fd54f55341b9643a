#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>
#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CloneTest : public ActorTest {
protected:
  void SetUp() override { start(); }

  json answer_body(std::size_t at = 0) {
    return json::parse(responder->given.at(at).body);
  }
};

TEST_F(CloneTest, AnswersWithTheUidOfTheClone) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 6500ms)};
  const auto id = post(load());
  run_for(6499ms);
  EXPECT_THAT(responder->given, IsEmpty());
  run_for(2ms);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
  EXPECT_EQ(answer_body(),
            json({{"job", id}, {"uid", "p-1"}, {"status", "running"}}));
  const auto* location = find_header(responder->given[0].headers, "Location");
  ASSERT_NE(location, nullptr);
  EXPECT_EQ(*location, "/hooks/setup/jobs/" + id);
}

TEST_F(CloneTest, LetsNobodyJoinOnceItsSenderKnowsThatItFailed) {
  class watched_responder final : public fake_responder {
  public:
    void close_to_others() override {
      EXPECT_THAT(given, IsEmpty());
      closed = true;
    }

    bool closed = false;
  };

  const auto sender = std::make_shared<watched_responder>();
  responder = sender;
  upstream->script["/clone"] = {answers(400)};
  post(load());
  run_for(1ms);
  ASSERT_THAT(sender->given, SizeIs(1));
  EXPECT_EQ(sender->given[0].status, 502);
  EXPECT_TRUE(sender->closed);
}

TEST_F(CloneTest, KeepsAnIntegerUidAnInteger) {
  upstream->script["/clone"] = {answers(200, R"({"id":42})")};
  post(load());
  run_for(1ms);
  EXPECT_EQ(answer_body()["uid"], json(42));
}

TEST_F(CloneTest, AnswersAsTheFlowSays) {
  upstream->script["/clone"] = {answers(200, R"({"id":"p","at":"x"})")};
  post(
    load({{"reply",
           {{"status", 201},
            {"body", {{"made", "{{clone/at}}"}, {"for", "{{body/name}}"}}}}}}));
  run_for(1ms);
  EXPECT_EQ(responder->given.at(0).status, 201);
  EXPECT_EQ(answer_body(), json({{"made", "x"}, {"for", "n"}}));
}

TEST_F(CloneTest, LeavesTheDeadlineTo202OnceTheJobIsJournaled) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 12s)};
  const auto id = post(load());
  run_for(1ms);
  ASSERT_TRUE(responder->fallback);
  EXPECT_EQ(responder->fallback->status, 202);
  EXPECT_EQ(json::parse(responder->fallback->body),
            json({{"job", id}, {"status", "cloning"}}));
  run_for(12s);
  EXPECT_EQ(job_of(id).clone.uid, json("p-1"));
}

TEST_F(CloneTest, AnswersAtOnceWhoeverDoesNotWantToWait) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 1s)};
  const auto id = post(load(), true);
  run_for(1ms);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 202);
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(CloneTest, TellsTheSenderOfAFieldThatIsMissing) {
  const auto id = post(load(), false, json::object());
  run_for(1ms);
  EXPECT_EQ(responder->given.at(0).status, 400);
  EXPECT_THAT(answer_body()["detail"].get<std::string>(), HasSubstr("name"));
  EXPECT_THAT(upstream->calls, IsEmpty());
  EXPECT_EQ(store->commits, 0u);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(CloneTest, RefusesWhatCannotBeJournaled) {
  store->fails = true;
  post(load());
  run_for(10ms);
  EXPECT_EQ(responder->given.at(0).status, 503);
  EXPECT_THAT(upstream->calls, IsEmpty());
  EXPECT_FALSE(responder->fallback);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(CloneTest, AnswersOnlyWhenTheUidIsJournaled) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 1s)};
  const auto id = post(load());
  run_for(500ms);
  store->fails = true;
  run_for(3s);
  EXPECT_THAT(responder->given, IsEmpty());
  store->fails = false;
  run_for(1100ms);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(CloneTest, TriesAgainWhatTheUpstreamPutOff) {
  upstream->script["/clone"] = {answers(503), answers(429),
                                answers(200, R"({"id":"p-1"})")};
  const auto id = post(load());
  run_for(2s);
  const auto calls = upstream->calls_of("/clone");
  ASSERT_THAT(calls, SizeIs(3));
  EXPECT_GE(calls[1].at - calls[0].at, 500ms);
  // The sender waits, so that "not now" is followed by the backoff, and it is
  // no attempt.
  EXPECT_GE(calls[2].at - calls[1].at, 500ms);
  EXPECT_EQ(calls[0].key, id + ".clone");
  EXPECT_EQ(calls[2].key, id + ".clone");
  EXPECT_NE(calls[0].traceparent, calls[1].traceparent);
  EXPECT_EQ(calls[0].traceparent.substr(0, 35),
            calls[1].traceparent.substr(0, 35));
  EXPECT_EQ(responder->given.at(0).status, 200);
  EXPECT_THAT(job_of(id).clone.attempts, SizeIs(3));
}

TEST_F(CloneTest, TriesAgainWhatWasNeverSent) {
  upstream->script["/clone"] = {fails(error_kind::connect_failed, false),
                                answers(200, R"({"id":"p-1"})")};
  post(load());
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 200);
}

TEST_F(CloneTest, FailsForGoodOnAnErrorAnswer) {
  upstream->script["/clone"] = {answers(500, "upstream words")};
  const auto id = post(load());
  run_for(1ms);
  EXPECT_EQ(responder->given.at(0).status, 502);
  EXPECT_EQ(answer_body()["type"], "/problems/clone-failed");
  EXPECT_EQ(answer_body()["job"], id);
  EXPECT_EQ(answer_body()["upstream_status"], 500);
  EXPECT_THAT(answer_body()["detail"].get<std::string>(), HasSubstr("500"));
  EXPECT_EQ(answer_body()["upstream_answer"], "upstream words");
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(CloneTest, IsAmbiguousAfterAnAnswerWithoutUid) {
  for (const auto* body : {"{}", "no json", R"({"id":""})", R"({"id":1.5})",
                           R"({"id":null})", R"({"id":{"a":1}})"}) {
    responder->given.clear();
    upstream->script["/clone"] = {answers(200, body)};
    post(load());
    run_for(1ms);
    EXPECT_EQ(responder->given.at(0).status, 202) << body;
    EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1)) << body;
    upstream->calls.clear();
  }
}

// Goal: what a crash cut short may go on at its upstream. The time of its probe
// was counted from before it was sent, and a second clone made.
TEST_F(CloneTest, ProbesForACloneThatWasCutShortUntilItMustBeOver) {
  upstream->script["/probe"] = {answers(404)};
  const auto definition =
    load({{"clone",
           {{"probe",
             {{"request",
               {{"method", "GET"}, {"url", "http://127.0.0.1:9001/probe"}}},
              {"uid", "/id"},
              {"for", "10s"}}}}}});
  job record;
  record.id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.hook.trace = continue_trace("");
  record.hook.body = webhook_body::of({{"name", "n"}});
  attempt made;
  made.started = options.now() - 5s;
  ASSERT_FALSE(store->commit(std::vector<job_event>{
    {record.id, options.now(), job_accepted{record, nullptr}},
    {record.id, options.now(), clone_attempt_begun{made}}}));
  caf::anon_send(root, std::make_shared<const recovered_job>(
                         recovered_job{record.id, definition}));
  run_for(18s); // 9 s that it may take, and 10 s
  EXPECT_THAT(upstream->calls_of("/clone"), IsEmpty());
  run_for(5s);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(CloneTest, NeverBlindlyRepeatsAnUnknownOutcome) {
  for (const auto& unknown : {fails(error_kind::connection_lost, true),
                              fails(error_kind::attempt_timed_out, true, 9s),
                              answers(502), answers(504)}) {
    responder->given.clear();
    upstream->calls.clear();
    upstream->script["/clone"] = {unknown};
    const auto id = post(load());
    run_for(60s);
    EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
    // A 5xx would have the sender ask for a second clone.
    EXPECT_EQ(responder->given.at(0).status, 202);
    EXPECT_EQ(answer_body(),
              (nlohmann::json{{"job", id}, {"status", "ambiguous"}}));
    EXPECT_EQ(*find_header(responder->given.at(0).headers, "Location"),
              "/hooks/setup/jobs/" + id);
    EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  }
}

TEST_F(CloneTest, RepeatsAnUnknownOutcomeThatIsSafeToRepeat) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true),
                                answers(200, R"({"id":"p-1"})")};
  post(load({{"clone", {{"safe_to_repeat", true}}}}));
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 200);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
}

TEST_F(CloneTest, Answers504WhenTheLastAttemptTimedOut) {
  upstream->script["/clone"] = {fails(error_kind::attempt_timed_out, true, 1s)};
  upstream->script["/find"] = {answers(404)};
  post(load({{"clone",
              {{"retry", {{"max_attempts", 2}}},
               {"probe",
                {{"request",
                  {{"method", "GET"}, {"url", "http://127.0.0.1:9001/find"}}},
                 {"uid", "/id"},
                 {"for", "1s"}}}}}}));
  run_for(8s);
  EXPECT_EQ(responder->given.at(0).status, 504);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
}

TEST_F(CloneTest, KeepsTheAnswerOnlyWhereAnExpressionAsksForIt) {
  upstream->script["/clone"] = {answers(200, R"({"id":"p","key":"k"})")};
  const auto without = post(load());
  const auto with =
    post(load({{"clone",
                {{"compensate",
                  {{"method", "DELETE"},
                   {"url", "http://127.0.0.1:9001/{{clone/key}}"}}}}}}));
  run_for(1ms);
  EXPECT_EQ(job_of(without).clone.uid, json("p"));
  EXPECT_EQ(job_of(without).clone.answer, json(nullptr));
  EXPECT_EQ(job_of(with).clone.answer, json({{"id", "p"}, {"key", "k"}}));
}

TEST_F(CloneTest, MasksSecretsInWhatItSaysAndJournals) {
  auto echo = fails(error_kind::connect_failed, false);
  echo.done.failure->detail = "no route to hunter2.example";
  upstream->script["/clone"] = {echo};
  const auto id =
    post(load({{"verify", {{"scheme", "bearer"}, {"secret", "hunter2"}}}}));
  run_for(60s);
  const auto record = job_of(id);
  ASSERT_THAT(record.clone.attempts, SizeIs(5));
  for (const auto& each : record.clone.attempts)
    EXPECT_EQ(each.failure->detail, "no route to ***.example");
  EXPECT_THAT(record.clone.failure->detail,
              ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(responder->given.at(0).body,
              ::testing::Not(HasSubstr("hunter2")));
}

class ProbedCloneTest : public CloneTest {
protected:
  flow_ptr load_probed() {
    return load(
      {{"clone",
        {{"probe",
          {{"request",
            {{"method", "GET"}, {"url", "http://127.0.0.1:9001/probe"}}},
           {"uid", "/items/0/id"},
           {"every", "250ms"},
           {"for", "1s"}}}}}});
  }
};

TEST_F(ProbedCloneTest, AdoptsTheUidThatTheProbeFinds) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true)};
  upstream->script["/probe"] = {answers(200, R"({"items":[{"id":"p-7"}]})")};
  const auto id = post(load_probed());
  run_for(1s);
  EXPECT_EQ(answer_body()["uid"], "p-7");
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_EQ(job_of(id).clone.uid, json("p-7"));
}

TEST_F(ProbedCloneTest, TriesAgainWhenTheProbeFindsNothing) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true),
                                answers(200, R"({"id":"p-8"})")};
  upstream->script["/probe"] = {answers(200, R"({"items":[]})")};
  post(load_probed());
  run_for(2s);
  EXPECT_EQ(answer_body()["uid"], "p-8");
}

class SetClockTest : public ProbedCloneTest {
protected:
  void SetUp() override {
    options.now = [this, real = options.now] {
      return real() + ahead;
    };
    ProbedCloneTest::SetUp();
  }

  std::chrono::milliseconds ahead{0};
};

// Goal: a clone is made once, whoever sets the clock. What was not found the
// first time counted as soon as the wall clock had jumped ahead.
TEST_F(SetClockTest, EndsNoProbeBeforeItsTime) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true)};
  upstream->script["/probe"] = {answers(200, R"({"items":[]})"),
                                answers(200, R"({"items":[{"id":"p-9"}]})")};
  post(load_probed());
  run_for(100ms);
  ahead = 24h;
  run_for(1s);
  EXPECT_EQ(answer_body()["uid"], "p-9");
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(ProbedCloneTest, SurrendersWhenTheProbeHasNoAnswer) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true)};
  upstream->script["/probe"] = {answers(500)};
  const auto id = post(load_probed());
  run_for(60s);
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/probe"), SizeIs(5));
}

TEST_F(CloneTest, AnswersAsTheFlowSaysInEachCase) {
  const nlohmann::json reply{
    {"status", 201},
    {"text", "made {{uid}}"},
    {"headers", {{"Content-Type", "text/csv"}}},
    {"late", {{"status", 200}, {"body", {{"wait", "{{job}}"}}}}},
    {"failed", {{"status", 200}, {"text", "sorry, {{body/name}}"}}}};
  const auto definition = load({{"reply", reply}});
  upstream->script["/clone"] = {answers(200, R"({"id":"p-1"})"), answers(400),
                                fails(error_kind::connection_lost, true)};
  post(definition);
  run_for(1s);
  const auto& done = responder->given.at(0);
  EXPECT_EQ(done.status, 201);
  EXPECT_EQ(done.body, "made p-1");
  EXPECT_EQ(std::count_if(done.headers.begin(), done.headers.end(),
                          [](const auto& field) {
                            return lower_case(field.name) == "content-type";
                          }),
            1);
  EXPECT_EQ(*find_header(done.headers, "Content-Type"), "text/csv");
  responder->given.clear();
  post(definition);
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 200);
  EXPECT_EQ(responder->given.at(0).body, "sorry, n");
  responder->given.clear();
  const auto id = post(definition);
  run_for(1s);
  EXPECT_EQ(answer_body(), (nlohmann::json{{"wait", id}}))
    << "ambiguous, which is not a failure";
}

// The document of a problem says with which status it comes (RFC 9457).
TEST_F(CloneTest, AnswersAFailureAsAProblemWithTheStatusOfTheFlow) {
  const auto definition =
    load({{"reply",
           {{"failed", {{"status", 503}, {"headers", {{"X-Own", "1"}}}}}}}});
  upstream->script["/clone"] = {answers(400)};
  post(definition);
  run_for(1s);
  const auto& done = responder->given.at(0);
  EXPECT_EQ(done.status, 503);
  EXPECT_EQ(*find_header(done.headers, "Content-Type"),
            "application/problem+json");
  EXPECT_EQ(*find_header(done.headers, "X-Own"), "1");
  EXPECT_EQ(answer_body()["status"], 503);
}

TEST_F(CloneTest, SendsABodyThatIsTextAsItIsWhereItIsNoJson) {
  upstream->script["/clone"] = {answers(200, R"({"id":"p-1"})")};
  post(load({{"reply",
              {{"headers", {{"Content-Type", "text/plain"}}},
               {"body", "uid {{uid}}"}}}}));
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).body, "uid p-1");
  responder->given.clear();
  upstream->script["/clone"] = {answers(200, R"({"id":"p-1"})")};
  post(load({{"reply", {{"status", 204}}}}));
  run_for(1s);
  EXPECT_EQ(responder->given.at(0).status, 204);
  EXPECT_EQ(responder->given.at(0).body, "");
  EXPECT_EQ(find_header(responder->given.at(0).headers, "Content-Type"),
            nullptr);
}

/// Commits, and cannot tell that it did.
class mute_journal : public failing_journal {
public:
  std::vector<batch_outcome>
  commit_all(std::span<const std::span<const job_event>> batches) override {
    auto outcomes = failing_journal::commit_all(batches);
    if (is_mute)
      for (auto& each : outcomes)
        each = {commit_status::unknown,
                error{error_kind::journal_unavailable, "it is lost"},
                {}};
    return outcomes;
  }

  bool is_mute = true;
};

class UnknownCommitTest : public ActorTest {};

// Goal: a job whose admission may be in the journal is not left there with
// nobody who works on it, while its sender was refused.
TEST_F(UnknownCommitTest, SettlesAJobThatMayBeJournaled) {
  const auto journal = std::make_shared<mute_journal>();
  store = journal;
  start();
  const auto id = post(load());
  run_for(6s);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 503);
  journal->is_mute = false;
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
  EXPECT_THAT(upstream->calls, IsEmpty());
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// Goal: nothing is told of a commit before it is known what became of it.
TEST_F(UnknownCommitTest, GoesOnWithAJobOnceItIsKnownToBeJournaled) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  const auto journal = std::make_shared<mute_journal>();
  store = journal;
  start();
  post(load());
  run_for(1s);
  EXPECT_THAT(responder->given, IsEmpty());
  EXPECT_THAT(upstream->calls, IsEmpty());
  journal->is_mute = false;
  run_for(2s);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
}

} // namespace
} // namespace handoff::test
