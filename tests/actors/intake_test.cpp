#include "actors/intake.hpp"
#include "config/flow_loader.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Begins nothing, and keeps what it got.
root_supervisor_actor::behavior_type
order_keeper(root_supervisor_actor::pointer,
             std::shared_ptr<std::vector<clone_order_ptr>> kept) {
  return {
    [kept](const clone_order_ptr& order) { kept->push_back(order); },
    [](const released_job_ptr&) {},
    [](const recovered_job_ptr&) {},
    [](const job_order_ptr&) {},
    [](again_atom, const std::string&) {},
    [](drain_atom) { return drained_atom::value; },
    [](report_atom) { return supervision_report{}; },
    [](turn_atom) {},
    [](next_atom) {},
  };
}

class IntakeTest : public ActorTest {
protected:
  void SetUp() override {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 100ms)};
    claim_key("k");
  }

  void claim_key(std::string key, std::string fingerprint = "body") {
    claim = idempotency_claim{std::move(key), std::move(fingerprint),
                              options.now() + 24h};
  }

  /// Another sender of the same or another webhook.
  std::shared_ptr<fake_responder> send(const flow_ptr& flow,
                                       bool respond_async = false) {
    responder = std::make_shared<fake_responder>();
    post(flow, respond_async);
    return responder;
  }

  static int status_of(const fake_responder& sender) {
    return sender.given.size() == 1 ? sender.given[0].status : 0;
  }

  static bool is_replayed(const fake_responder& sender) {
    return find_header(sender.given.at(0).headers, "Idempotency-Replayed")
        != nullptr;
  }
};

TEST_F(IntakeTest, MakesOneJobOfOneKeyInFlight) {
  start();
  const auto flow = load();
  std::vector<std::shared_ptr<fake_responder>> senders;
  for (int i = 0; i < 10; ++i)
    senders.push_back(send(flow));
  EXPECT_EQ(options.admission->jobs.taken(), 1u);
  run_for(1s);
  for (const auto& each : senders) {
    ASSERT_EQ(status_of(*each), 200);
    EXPECT_EQ(each->given[0].body, senders[0]->given[0].body);
  }
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// The key is kept: a redelivery after a jump of the clock made a second clone.
TEST_F(IntakeTest, KnowsAKeyAgainAfterTheClockHasJumped) {
  milliseconds ahead{0};
  options.now = [&ahead, before = options.now] {
    return before() + ahead;
  };
  running = [this] {
    return std::chrono::nanoseconds{now()};
  };
  start();
  const auto flow = load();
  send(flow);
  run_for(1s);
  ahead = std::chrono::hours{30 * 24};
  const auto again = send(flow);
  run_for(1s);
  ASSERT_EQ(status_of(*again), 200);
  EXPECT_TRUE(is_replayed(*again));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(IntakeTest, TellsAJoinedSenderThatDoesNotWaitOfTheJob) {
  start();
  const auto flow = load();
  const auto first = send(flow);
  run_for(10ms);
  EXPECT_EQ(status_of(*send(flow, true)), 202);
  EXPECT_THAT(first->given, IsEmpty());
}

TEST_F(IntakeTest, RefusesAnotherBodyBeforeItJoins) {
  start();
  const auto flow = load();
  send(flow);
  claim_key("k", "another body");
  EXPECT_EQ(status_of(*send(flow)), 422);
  run_for(1s);
  EXPECT_EQ(status_of(*send(flow)), 422);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(IntakeTest, ReplaysTheAnswerOfAJobThatWasCloned) {
  start();
  const auto flow = load();
  const auto first = send(flow);
  run_for(1s);
  const auto again = send(flow);
  ASSERT_EQ(status_of(*again), 200);
  EXPECT_EQ(again->given[0].body, first->given[0].body);
  EXPECT_TRUE(is_replayed(*again));
  EXPECT_FALSE(is_replayed(*first));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(IntakeTest, ReplaysTheAnswerOfAFailedClone) {
  upstream->script["/clone"] = {answers(418)};
  start();
  const auto flow = load();
  const auto first = send(flow);
  run_for(1s);
  const auto again = send(flow);
  ASSERT_EQ(status_of(*again), 502);
  EXPECT_EQ(again->given[0].body, first->given[0].body);
  EXPECT_TRUE(is_replayed(*again));
}

TEST_F(IntakeTest, ReplaysTheAnswerOfTheFlowThatTheJobStartedWith) {
  options.compile = [](const nlohmann::json& definition) {
    return result<flow_ptr>{
      read_flow(definition, flow_defaults{}, "journal").flow};
  };
  start();
  const auto first =
    send(load({{"reply", {{"status", 201}, {"body", {{"old", "{{uid}}"}}}}}}));
  run_for(1s);
  const auto again = send(load({{"reply", {{"body", {{"new", "{{uid}}"}}}}}}));
  ASSERT_EQ(status_of(*again), 201);
  EXPECT_EQ(again->given[0].body, first->given[0].body);
}

TEST_F(IntakeTest, RefusesWhileTheJournalFails) {
  store->fails = true;
  start();
  const auto flow = load();
  const auto refused = send(flow);
  EXPECT_EQ(status_of(*refused), 503);
  EXPECT_EQ(refused->fallback, std::nullopt);
  run_for(1s);
  EXPECT_THAT(upstream->calls, IsEmpty());
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  store->fails = false;
  const auto again = send(flow);
  run_for(1s);
  EXPECT_EQ(status_of(*again), 200);
}

TEST_F(IntakeTest, LeavesNothingOfAWebhookThatWasJournaledTooLate) {
  commit_delay = 7s;
  start();
  const auto refused = send(load());
  run_for(6s);
  EXPECT_EQ(status_of(*refused), 503);
  run_for(30s);
  EXPECT_THAT(upstream->calls, IsEmpty());
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  const auto left = store->unfinished("", 10);
  EXPECT_THAT(std::get<std::vector<job>>(left), IsEmpty());
  const auto held = store->find_key("setup", "k", options.now());
  EXPECT_FALSE(std::get<std::optional<key_holder>>(held))
    << "the sender was refused, and would be so for as long as its key is kept";
}

TEST_F(IntakeTest, AsksAJournalThatHangsNoMoreThanItsLimit) {
  start();
  const auto flow = load();
  options.admission->lookups = 10'000; // as many have given up before
  EXPECT_EQ(status_of(*send(flow)), 503);
  EXPECT_EQ(options.admission->lookups, 10'000u);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  options.admission->lookups = 9'999;
  EXPECT_EQ(status_of(*send(flow)), 0) << "it is held";
  EXPECT_EQ(options.admission->lookups, 9'999u) << "the journal has looked";
}

TEST_F(IntakeTest, TakesAnotherBodyForTheSameWebhookWhereTheFlowSaysSo) {
  start();
  const auto any = load({{"idempotency", {{"body", "any"}}}});
  const auto first = send(any);
  run_for(1s);
  claim_key("k", "another body");
  const auto second = send(any);
  run_for(1s);
  ASSERT_EQ(status_of(*second), 200);
  EXPECT_EQ(second->given[0].body, first->given[0].body);
  EXPECT_TRUE(is_replayed(*second));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

TEST_F(IntakeTest, TriesAgainAfterAFailedCloneWhereTheFlowSaysSo) {
  upstream->script["/clone"] = {answers(400), answers(201, R"({"id":"p-1"})")};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}}});
  const auto failed = send(again);
  run_for(1s);
  EXPECT_EQ(status_of(*failed), 502);
  const auto second = send(again);
  run_for(1s);
  EXPECT_EQ(status_of(*second), 200);
  EXPECT_FALSE(is_replayed(*second));
  const auto third = send(again);
  run_for(1s);
  EXPECT_EQ(status_of(*third), 200);
  EXPECT_TRUE(is_replayed(*third)) << "the second job has the key now";
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// An operator at another node retried the job just then.
TEST_F(IntakeTest, LooksAgainWhereTheJobOfItsKeyWentToAnotherOwner) {
  upstream->script["/clone"] = {answers(400), answers(201, R"({"id":"p-1"})")};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}}});
  send(again);
  run_for(1s);
  store->rejects_takeover = true;
  const auto second = send(again);
  run_for(1s);
  EXPECT_FALSE(store->rejects_takeover) << "it was rejected";
  EXPECT_EQ(status_of(*second), 200);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// The sender of a failed job has its answer before the job's actor has ended:
// it got that again for what it sent at once.
TEST_F(IntakeTest, AsksTheJournalOnceAJobIsClosedToOthers) {
  start();
  const auto kept = std::make_shared<std::vector<clone_order_ptr>>();
  const auto keeper = system->spawn(order_keeper, kept);
  caf::anon_send_exit(entrance, caf::exit_reason::user_shutdown);
  entrance =
    system->spawn(intake, std::make_shared<const environment>(options), keeper);
  const auto flow = load();
  const auto first = send(flow);
  run_for(1ms);
  const auto joined = send(flow);
  run_for(1ms);
  ASSERT_THAT(*kept, SizeIs(1));
  kept->front()->responder->close_to_others();
  const auto next = send(flow);
  run_for(1ms);
  kept->front()->responder->answer({502, {}, {}});
  EXPECT_EQ(status_of(*first), 502);
  EXPECT_EQ(status_of(*joined), 502);
  EXPECT_THAT(next->given, IsEmpty());
  EXPECT_THAT(*kept, SizeIs(2)) << "the journal knows of no job with the key";
  kept->clear();
  caf::anon_send_exit(keeper, caf::exit_reason::user_shutdown);
}

// One webhook, two jobs, two clones: the key was the second job's.
TEST_F(IntakeTest, LeavesAJobWhoseKeyIsAnotherJobsNow) {
  upstream->script["/clone"] = {answers(400), answers(201, R"({"id":"p-1"})")};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}}});
  const auto first = post(again);
  run_for(1s);
  send(again);
  run_for(1s);
  const auto asker = std::make_shared<fake_responder>();
  caf::anon_send(root, std::make_shared<const job_order>(job_order{
                         first, retry_command{}, again, nullptr, asker}));
  run_for(1s);
  ASSERT_THAT(asker->given, SizeIs(1));
  EXPECT_EQ(asker->given[0].status, 409);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
}

// Safe to repeat it was with its own idempotency key only.
TEST_F(IntakeTest, NeverTriesAgainAfterAnyAttemptThatMayHaveMadeTheClone) {
  upstream->script["/clone"] = {answers(502), answers(400),
                                answers(201, R"({"id":"p-1"})")};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}},
                           {"clone", {{"safe_to_repeat", true}}}});
  send(again);
  run_for(2s);
  const auto second = send(again);
  run_for(1s);
  EXPECT_EQ(status_of(*second), 502);
  EXPECT_TRUE(is_replayed(*second));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
}

TEST_F(IntakeTest, NeverTriesAgainAfterACloneThatMayHaveHappened) {
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true),
                                answers(201, R"({"id":"p-1"})")};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}}});
  send(again);
  run_for(1s);
  const auto second = send(again);
  run_for(1s);
  EXPECT_EQ(status_of(*second), 202);
  EXPECT_TRUE(is_replayed(*second));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
}

// Another process may have claimed the key after it was looked up.
TEST_F(IntakeTest, JoinsTheJobThatHoldsTheKeyOnlyWhenItIsCommitted) {
  start();
  const auto flow = load();
  const auto first = send(flow);
  run_for(1s);
  responder = std::make_shared<fake_responder>();
  const auto late = order_of(flow);
  late->intake = entrance->address();
  caf::anon_send(root, clone_order_ptr{late});
  run_for(1s);
  ASSERT_EQ(status_of(*responder), 200);
  EXPECT_EQ(responder->given[0].body, first->given[0].body);
  EXPECT_TRUE(is_replayed(*responder));
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(IntakeTest, TellsTheStateAsItIsOfAWebhookThatWasAnsweredLate) {
  start();
  const auto flow = load();
  const auto first = send(flow, true);
  run_for(5s);
  ASSERT_EQ(first->given.at(0).status, 202);
  const auto known = store->list({});
  const auto record = job_of(std::get<job_page>(known).jobs.at(0).id);
  const std::vector<job_event> told_late{
    make_event(record, options.now(), sender_replied{202, true})};
  ASSERT_FALSE(store->commit(told_late));
  const auto again = send(flow);
  ASSERT_EQ(status_of(*again), 200);
  EXPECT_TRUE(is_replayed(*again));
  const auto told = nlohmann::json::parse(again->given[0].body);
  EXPECT_EQ(told["uid"], "p-1");
  EXPECT_EQ(told["status"], "succeeded");
}

TEST_F(IntakeTest, LeavesTheKeyWithAFailedJobThatIsRetriedMeanwhile) {
  upstream->script["/clone"] = {answers(400)};
  start();
  const auto again = load({{"idempotency", {{"failed", "again"}}}});
  send(again);
  run_for(1s);
  const auto failed = store->list({}).index() == 0
                      ? std::get<job_page>(store->list({})).jobs.at(0).id
                      : "";
  auto record = job_of(failed);
  const auto released =
    make_event(record, options.now(), key_released{claim->key});
  const std::vector<job_event> retried{
    make_event(record, options.now(), clone_reopened{})};
  ASSERT_FALSE(store->commit(retried));
  responder = std::make_shared<fake_responder>();
  const auto late = order_of(again);
  late->intake = entrance->address();
  late->released = {released};
  caf::anon_send(root, clone_order_ptr{late});
  run_for(1s);
  EXPECT_EQ(job_of(failed).claim, claim) << "it keeps its key";
}

} // namespace
} // namespace handoff::test
