// The deadline as a budget: what cannot be done while the sender waits does not
// keep it waiting, and what cannot even begin in time is not taken.

#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class DeadlineBudgetTest : public ActorTest {
protected:
  void SetUp() override { start(); }

  /// Lets one webhook after the other be cloned in `latency`.
  void observe_clones(const flow_ptr& flow, milliseconds latency,
                      int count = 20) {
    upstream->script["/clone"] = {answers(201, R"({"id":"p"})", latency)};
    for (int i = 0; i < count; ++i) {
      send(flow);
      run_for(latency + 2ms);
    }
    upstream->calls.clear();
  }

  /// Another sender, which waits 9.5 s from now.
  std::shared_ptr<fake_responder> send(const flow_ptr& flow,
                                       bool respond_async = false) {
    responder = std::make_shared<fake_responder>();
    job = post(flow, respond_async);
    return responder;
  }

  /// Whether the sender has been told of its job before its deadline.
  bool was_let_go(const fake_responder& sender) {
    return sender.given.empty() && sender.fallback
        && sender.fallback->status == 202
        && sender.fallback_due <= system->clock().now();
  }

  flow_ptr load_probed() {
    return load(
      {{"clone",
        {{"probe",
          {{"request",
            {{"method", "GET"}, {"url", "http://127.0.0.1:9001/probe"}}},
           {"uid", "/items/0/id"}}}}}});
  }

  std::string job;
};

TEST_F(DeadlineBudgetTest, LetsTheSenderGoBeforeAnAttemptThatCannotFit) {
  const auto flow = load();
  observe_clones(flow, 6s);
  upstream->script["/clone"] = {answers(503, "{}", 4s),
                                answers(201, R"({"id":"p-2"})", 6s)};
  const auto sender = send(flow);
  run_for(4001ms);
  ASSERT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_TRUE(was_let_go(*sender)) << "half a second later it has 5 s left";
  run_for(7s);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(2));
  EXPECT_EQ(job_of(job).clone.uid, nlohmann::json("p-2"));
}

TEST_F(DeadlineBudgetTest, HoldsTheSenderForAnAttemptThatFits) {
  const auto flow = load();
  observe_clones(flow, 6s);
  upstream->script["/clone"] = {answers(503, "{}", 2s),
                                answers(201, R"({"id":"p-2"})", 6s)};
  const auto sender = send(flow);
  run_for(2001ms);
  EXPECT_FALSE(was_let_go(*sender));
  run_for(6600ms);
  ASSERT_THAT(sender->given, SizeIs(1));
  EXPECT_EQ(sender->given[0].status, 200);
}

TEST_F(DeadlineBudgetTest, HoldsTheSenderWhereNothingIsKnown) {
  upstream->script["/clone"] = {answers(503, "{}", 8s),
                                answers(201, R"({"id":"p-2"})", 6s)};
  const auto sender = send(load());
  run_for(8600ms);
  EXPECT_FALSE(was_let_go(*sender));
}

TEST_F(DeadlineBudgetTest, LetsTheSenderGoWhereThePauseIsTooLong) {
  auto later = answers(503);
  later.done.headers.push_back({"Retry-After", "30"});
  upstream->script["/clone"] = {later, answers(201, R"({"id":"p-2"})")};
  const auto sender = send(load());
  run_for(1ms);
  EXPECT_TRUE(was_let_go(*sender));
  run_for(31s);
  EXPECT_EQ(job_of(job).clone.uid, nlohmann::json("p-2"));
}

TEST_F(DeadlineBudgetTest, CountsTheWaitForATurnAgainstTheBudget) {
  const auto flow = load();
  observe_clones(flow, 2s);
  upstream->script["/clone"] = {answers(503, "{}", 2s)};
  const auto sender = send(flow);
  // Behind twenty others at one call at a time.
  clone_place others[20];
  for (auto& each : others)
    each.enter(options.traffic->at("http://127.0.0.1:9001"));
  slots = 1;
  run_for(2001ms);
  EXPECT_TRUE(was_let_go(*sender));
}

TEST_F(DeadlineBudgetTest, ForeseesAProbeByProbes) {
  const auto flow = load_probed();
  observe_clones(flow, 6s);
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true, 6s)};
  upstream->script["/probe"] = {
    answers(200, R"({"items":[{"id":"p-7"}]})", 1s)};
  const auto sender = send(flow);
  run_for(7600ms);
  ASSERT_THAT(sender->given, SizeIs(1)) << "a probe does not take 6 s";
  EXPECT_EQ(sender->given[0].status, 200);
}

TEST_F(DeadlineBudgetTest, LetsTheSenderGoBeforeAProbeThatCannotFit) {
  const auto flow = load_probed();
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true)};
  upstream->script["/probe"] = {
    answers(200, R"({"items":[{"id":"p-7"}]})", 6s)};
  for (int i = 0; i < 20; ++i) {
    send(flow);
    run_for(7s);
  }
  upstream->script["/clone"] = {fails(error_kind::connection_lost, true, 5s)};
  const auto sender = send(flow);
  run_for(5001ms);
  EXPECT_TRUE(was_let_go(*sender));
  run_for(7s);
  EXPECT_EQ(job_of(job).clone.uid, nlohmann::json("p-7"));
}

TEST_F(DeadlineBudgetTest, LetsNobodyGoBeforeTheFirstAttempt) {
  const auto flow = load();
  observe_clones(flow, 20s);
  const auto sender = send(flow);
  run_for(9400ms);
  EXPECT_FALSE(was_let_go(*sender));
}

TEST_F(DeadlineBudgetTest, LetsAJoinedSenderWaitForItsOwnDeadline) {
  const auto flow = load();
  observe_clones(flow, 6s);
  upstream->script["/clone"] = {answers(503, "{}", 4s),
                                answers(201, R"({"id":"p-2"})", 6s)};
  claim = idempotency_claim{"k", "body", options.now() + 24h};
  const auto first = send(flow);
  run_for(3900ms);
  const auto second = send(flow);
  run_for(101ms);
  EXPECT_TRUE(was_let_go(*first));
  EXPECT_FALSE(was_let_go(*second)) << "it has 9.4 s left";
  run_for(7s);
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 200);
}

TEST_F(DeadlineBudgetTest, RefusesWhatWouldNotGetItsTurnInTime) {
  const auto flow = load();
  observe_clones(flow, 6s);
  slots = 2;
  std::vector<std::shared_ptr<fake_responder>> senders;
  for (int i = 0; i < 4; ++i)
    senders.push_back(send(flow));
  // Two are under way; the third has its turn in 3.4 s and 6 s to go.
  for (const auto at : {0u, 1u, 2u})
    EXPECT_THAT(senders[at]->given, IsEmpty()) << at;
  ASSERT_THAT(senders[3]->given, SizeIs(1));
  const auto& refused = senders[3]->given[0];
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(nlohmann::json::parse(refused.body)["type"],
            "/problems/overloaded");
  const auto* later = find_header(refused.headers, "Retry-After");
  ASSERT_NE(later, nullptr);
  EXPECT_EQ(*later, "4"); // 6.75 s until its turn and 6 s more: 3.25 s too many
  EXPECT_THAT(upstream->calls, SizeIs(3));
  EXPECT_EQ(options.admission->jobs.taken(), 3u);
  EXPECT_EQ(std::get<std::optional<handoff::job>>(store->find(job)),
            std::nullopt)
    << "nothing of it is journaled";
  run_for(6100ms);
  EXPECT_THAT(send(flow)->given, IsEmpty()) << "the line has gone";
}

TEST_F(DeadlineBudgetTest, RefusesNobodyWhileACallIsFree) {
  const auto flow = load();
  observe_clones(flow, 12s);
  slots = 3;
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(send(flow)->given, IsEmpty()) << i;
  EXPECT_THAT(send(flow)->given, SizeIs(1));
}

TEST_F(DeadlineBudgetTest, RefusesNobodyWhoseCloneIsOfUnknownLatency) {
  upstream->script["/clone"] = {answers(201, R"({"id":"p"})", 6s)};
  slots = 1;
  const auto flow = load();
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(send(flow)->given, IsEmpty()) << i;
}

TEST_F(DeadlineBudgetTest, RefusesNobodyWhoDoesNotWait) {
  const auto flow = load();
  observe_clones(flow, 6s);
  slots = 1;
  send(flow);
  for (int i = 0; i < 20; ++i) {
    const auto sender = send(flow, true);
    ASSERT_THAT(sender->given, SizeIs(1));
    EXPECT_EQ(sender->given[0].status, 202);
  }
  EXPECT_THAT(send(flow)->given, SizeIs(1)) << "though they stand in line, too";
}

TEST_F(DeadlineBudgetTest, CountsTheSameWebhookOnce) {
  const auto flow = load();
  observe_clones(flow, 6s);
  slots = 1;
  claim = idempotency_claim{"k", "body", options.now() + 24h};
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(send(flow)->given, IsEmpty()) << i;
  EXPECT_EQ(options.traffic->at("http://127.0.0.1:9001")->count(), 1u);
}

TEST_F(DeadlineBudgetTest, FreesTheKeyOfWhatItRefuses) {
  const auto flow = load();
  observe_clones(flow, 6s);
  slots = 1;
  send(flow);
  claim = idempotency_claim{"k", "body", options.now() + 24h};
  const auto refused = send(flow);
  ASSERT_THAT(refused->given, SizeIs(1));
  EXPECT_EQ(refused->given[0].status, 503);
  run_for(7s);
  const auto again = send(flow);
  run_for(7s);
  ASSERT_THAT(again->given, SizeIs(1));
  EXPECT_EQ(again->given[0].status, 200);
}

TEST_F(DeadlineBudgetTest, KeepsNobodyInLineWhoIsDone) {
  const auto flow = load();
  const auto line = options.traffic->at("http://127.0.0.1:9001");
  observe_clones(flow, 100ms, 2);
  EXPECT_EQ(line->count(), 0u);
  upstream->script["/clone"] = {answers(503), answers(201, R"({"id":"p"})")};
  send(flow);
  run_for(100ms);
  EXPECT_EQ(line->count(), 0u) << "it is between two attempts";
  run_for(1s);
  upstream->script["/clone"] = {answers(500, "{}", 10ms)};
  send(flow);
  run_for(5ms);
  EXPECT_EQ(line->count(), 1u);
  run_for(10ms);
  EXPECT_EQ(line->count(), 0u);
  post(flow, false, nlohmann::json::object()); // lacks a field
  EXPECT_EQ(line->count(), 0u);
  store->fails = true;
  send(flow);
  run_for(10ms);
  EXPECT_EQ(line->count(), 0u);
}

} // namespace

/// A clone actor that dies with its call under way.
class CrashedPlaceTest : public ActorTest {};

TEST_F(CrashedPlaceTest, IsLeft) {
  int messages = 0;
  options.fault = [&](std::string_view actor) {
    if (actor == "clone" && ++messages == 2)
      throw std::runtime_error{"scripted"};
  };
  start();
  upstream->script["/clone"] = {answers(503, "{}", 50ms),
                                answers(201, R"({"id":"p"})", 50ms)};
  post(load({{"clone", {{"safe_to_repeat", true}}}}));
  run_for(5s);
  EXPECT_EQ(options.traffic->at("http://127.0.0.1:9001")->count(), 0u);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
}

} // namespace handoff::test
