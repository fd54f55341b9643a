// What an operator wants to be done with a job, at the root supervisor.

#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>
#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class JobOrderTest : public ActorTest {
protected:
  void SetUp() override {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 100ms)};
  }

  /// Orders it and gives the status of the answer, 0 without one.
  int order(const std::string& id, job_command wanted) {
    auto asker = std::make_shared<fake_responder>();
    caf::anon_send(root, std::make_shared<const job_order>(job_order{
                           id, std::move(wanted), definition, nullptr, asker}));
    run_for(1ms);
    answer = asker->given.empty() ? "" : asker->given[0].body;
    last = asker;
    return asker->given.size() == 1 ? asker->given[0].status : 0;
  }

  /// A job whose sub-action `b` has failed for good.
  std::string fail_b() {
    upstream->script["/b"] = {answers(400), answers(200)};
    start();
    definition = load_with({"a", "b"});
    const auto id = post(definition);
    run_for(1s);
    EXPECT_EQ(job_of(id).status, job_status::failed);
    return id;
  }

  /// A job of which nobody knows whether it was cloned.
  std::string lose_clone() {
    upstream->script["/clone"] = {fails(error_kind::attempt_timed_out, true),
                                  answers(201, R"({"id":"p-2"})")};
    start();
    definition = load_with({"a", "b"});
    const auto id = post(definition);
    run_for(1s);
    EXPECT_EQ(job_of(id).status, job_status::ambiguous);
    return id;
  }

  flow_ptr definition;
  std::string answer;
  std::shared_ptr<fake_responder> last;
};

TEST_F(JobOrderTest, RetriesWhatFailedAndNothingElse) {
  const auto id = fail_b();
  EXPECT_EQ(order(id, retry_command{}), 200);
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/b"), SizeIs(2));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, RefusesToRetryWhatSucceeded) {
  const auto id = fail_b();
  EXPECT_EQ(order(id, retry_command{"a"}), 409);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, CancelsAJobThatIsUnderWay) {
  upstream->script["/a"] = {answers(503)};
  start();
  definition = load_with({"a"});
  const auto id = post(definition);
  run_for(300ms);
  EXPECT_EQ(order(id, cancel_command{}), 200);
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, RefusesToRetryAJobThatIsUnderWay) {
  upstream->script["/a"] = {answers(200, "{}", 1s)};
  start();
  definition = load_with({"a"});
  const auto id = post(definition);
  run_for(300ms);
  EXPECT_EQ(order(id, retry_command{}), 409);
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, CancelsAnAmbiguousJobThatNobodyWorksOn) {
  const auto id = lose_clone();
  EXPECT_EQ(order(id, cancel_command{}), 200);
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, ResolvesAnAmbiguousCloneWithItsUid) {
  const auto id = lose_clone();
  EXPECT_EQ(order(id, resolve_command{"p-1"}), 200);
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(job_of(id).clone.uid, "p-1");
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_THAT(statuses_of(id), Each("succeeded"));
}

TEST_F(JobOrderTest, ResolvesAnAmbiguousCloneByAnother) {
  const auto id = lose_clone();
  EXPECT_EQ(order(id, resolve_command{nullptr}), 200);
  run_for(1s);
  EXPECT_EQ(job_of(id).clone.uid, "p-2");
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, JournalsThatAnAmbiguousCloneIsMadeAgain) {
  const auto id = lose_clone();
  upstream->script["/clone"] = {answers(201, R"({"id":"p-2"})", 1s)};
  EXPECT_EQ(order(id, resolve_command{nullptr}), 200);
  EXPECT_EQ(job_of(id).status, job_status::cloning);
}

TEST_F(JobOrderTest, WorksOnAJobThatTheRecoveryHasNotComeTo) {
  upstream->script["/a"] = {answers(503)};
  start();
  definition = load_with({"a"});
  job record;
  record.id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.hook.trace = continue_trace("");
  ASSERT_FALSE(store->commit(std::vector<job_event>{
    {record.id, options.now(), job_accepted{record, nullptr}},
    {record.id, options.now(),
     clone_succeeded{std::nullopt, "p", nullptr, {"a"}}}}));
  EXPECT_EQ(order(record.id, retry_command{}), 409);
  run_for(100ms);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1))
    << "the recovery would find it taken, and nobody would go on with it";
  EXPECT_EQ(order(record.id, cancel_command{}), 200);
  run_for(1s);
  EXPECT_EQ(job_of(record.id).status, job_status::cancelled);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// Goal: what a process left that is gone belongs to this one before anything is
// done with it. It did not: commits were rejected, and calls made all the same.
TEST_F(JobOrderTest, TakesOverWhatAProcessLeftThatIsGone) {
  upstream->script["/a"] = {answers(200, "{}", 1s)};
  start();
  definition = load_with({"a"});
  job record;
  record.id = "01HZZZZZZZZZZZZZZZZZZZZZZZ";
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.hook.trace = continue_trace("");
  {
    memory_journal before{store->shared()};
    ASSERT_FALSE(before.commit(std::vector<job_event>{
      {record.id, options.now(), job_accepted{record, nullptr}},
      {record.id, options.now(),
       clone_succeeded{std::nullopt, "p", nullptr, {"a"}}}}));
  }
  EXPECT_EQ(order(record.id, retry_command{}), 409);
  run_for(3s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(job_of(record.id).status, job_status::succeeded);
}

// Goal: after a cancel nothing begins that was due and only lacked a worker.
TEST_F(JobOrderTest, AttemptsNothingThatWasDueWhenItWasCancelled) {
  options.pool_workers = 1;
  upstream->script["/a"] = {answers(503), answers(200)};
  upstream->script["/b"] = {answers(200, "{}", 5s)};
  start();
  definition = load_with({"a", "b"});
  const auto id = post(definition);
  run_for(3s);
  EXPECT_EQ(order(id, cancel_command{}), 200);
  run_for(5s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
}

// Goal: a command whose commit takes longer than its operator waits is not
// dropped half-way. It was: the job stayed running with nobody working on it.
TEST_F(JobOrderTest, GoesOnWithACommandThatTheJournalTakesLate) {
  const auto id = lose_clone();
  store->fails = true;
  EXPECT_EQ(order(id, resolve_command{"p-1"}), 0) << "it is not known yet";
  ASSERT_TRUE(last->fallback);
  EXPECT_EQ(last->fallback->status, 503);
  EXPECT_THAT(last->fallback->body, HasSubstr("it is not known whether"));
  run_for(10s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(0))
    << "nothing begins before it is journaled";
  store->fails = false;
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// A refused command ended the actor under the accepted one behind it, and
// nobody worked on the job any more.
TEST_F(JobOrderTest, GoesOnWithACommandThatCameBesideRefusedOnes) {
  for (const std::size_t place : {0u, 1u, 2u}) {
    upstream->script["/b"] = {answers(400), answers(200)};
    if (place == 0)
      start();
    definition = load_with({"a", "b"});
    const auto id = post(definition);
    run_for(1s);
    ASSERT_EQ(job_of(id).status, job_status::failed);
    std::vector<std::shared_ptr<fake_responder>> askers;
    for (std::size_t at = 0; at < 3; ++at) {
      askers.push_back(std::make_shared<fake_responder>());
      caf::anon_send(
        root, std::make_shared<const job_order>(
                job_order{id,
                          at == place ? job_command{retry_command{}}
                                      : job_command{retry_command{"unknown"}},
                          definition, nullptr, askers.back()}));
    }
    run_for(2s);
    EXPECT_EQ(askers[place]->given.at(0).status, 200);
    EXPECT_EQ(job_of(id).status, job_status::succeeded) << place;
    EXPECT_EQ(options.admission->jobs.taken(), 0u);
  }
}

TEST_F(JobOrderTest, MakesACloneAgainBesideARefusedCommand) {
  upstream->script["/clone"] = {answers(400), answers(201, R"({"id":"p-2"})")};
  start();
  definition = load_with({"a"});
  const auto id = post(definition);
  run_for(1s);
  ASSERT_EQ(job_of(id).status, job_status::failed);
  for (const auto* only : {"unknown", ""})
    caf::anon_send(root,
                   std::make_shared<const job_order>(job_order{
                     id, *only == 0 ? retry_command{} : retry_command{only},
                     definition, nullptr, std::make_shared<fake_responder>()}));
  run_for(2s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(JobOrderTest, WantsTheAnswerThatTheFlowTakesSomethingOf) {
  upstream->script["/clone"] = {fails(error_kind::attempt_timed_out, true)};
  start();
  definition = load({{"sub_actions",
                      {{{"name", "a"},
                        {"request",
                         {{"method", "POST"},
                          {"url", "http://127.0.0.1:9001/a/{{clone/x}}"}}}}}}});
  const auto id = post(definition);
  run_for(1s);
  EXPECT_EQ(order(id, resolve_command{"p-1"}), 400);
  EXPECT_THAT(answer, HasSubstr("{{clone/x}}"));
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  EXPECT_EQ(order(id, resolve_command{"p-1", {{"x", "7"}}}), 200);
  run_for(1s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a/7"), SizeIs(1));
}

TEST_F(JobOrderTest, KnowsNoJobThatIsNotThere) {
  start();
  definition = load();
  EXPECT_EQ(order("01HZZZZZZZZZZZZZZZZZZZZZZZ", cancel_command{}), 404);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

} // namespace
} // namespace handoff::test
