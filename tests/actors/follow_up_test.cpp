// What follows the sub-actions of a job: compensations and callbacks.

#include "job/standard_webhook.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>
#include <gmock/gmock.h>

#include <stdexcept>
#include <utility>

namespace handoff {

using namespace test;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using json = nlohmann::json;

class FollowUpTest : public ActorTest {
protected:
  static constexpr const char* secret =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

  FollowUpTest() {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})")};
  }

  static json request_to(const std::string& path) {
    return {{"method", "POST"}, {"url", "http://127.0.0.1:9001" + path}};
  }

  /// Sub-actions in a chain, each with what undoes it; the failure of any
  /// compensates.
  flow_ptr load_chain(const std::vector<std::string>& names,
                      json more = json::object()) {
    auto list = json::array();
    for (std::size_t at = 0; at < names.size(); ++at) {
      json sub{{"name", names[at]},
               {"request", request_to("/" + names[at])},
               {"compensate", request_to("/undo/" + names[at] + "/{{uid}}")},
               {"on_failure", "compensate"}};
      if (at > 0)
        sub["after"] = json::array({names[at - 1]});
      list.push_back(std::move(sub));
    }
    more["sub_actions"] = std::move(list);
    more["clone"]["compensate"] = {{"method", "DELETE"},
                                   {"url", "http://127.0.0.1:9001/p/{{uid}}"}};
    return load(std::move(more));
  }

  static json callback(std::vector<std::string> on,
                       json more = json::object()) {
    json made{{"url", "http://127.0.0.1:9001/done"},
              {"secret", secret},
              {"on", std::move(on)}};
    made.merge_patch(more);
    return {{"callback", std::move(made)}};
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const auto& each : upstream->calls)
      all.push_back(each.path);
    return all;
  }

  std::vector<std::string> types_told() const {
    std::vector<std::string> types;
    for (const auto& each : upstream->calls_of("/done"))
      types.push_back(json::parse(each.body).at("type"));
    return types;
  }

  void order(const std::string& id, job_command command,
             const flow_ptr& definition) {
    auto waiting = std::make_shared<fake_responder>();
    ordered.push_back(waiting);
    caf::anon_send(
      root, std::make_shared<const job_order>(
              job_order{id, std::move(command), definition, nullptr, waiting}));
  }

  std::vector<std::shared_ptr<fake_responder>> ordered;
};

TEST_F(FollowUpTest, UndoesInReverseOrderOneAtATime) {
  start();
  upstream->script["/c"] = {answers(400)};
  upstream->script["/undo/b/p-1"] = {answers(200, "{}", 50ms)};
  const auto id = post(load_chain({"a", "b", "c", "d"}));
  run_for(20ms);
  EXPECT_EQ(job_of(id).status, job_status::running) << "it is being undone";
  run_for(100ms);
  EXPECT_THAT(paths(), ElementsAre("/clone", "/a", "/b", "/c", "/undo/b/p-1",
                                   "/undo/a/p-1", "/p/p-1"));
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_THAT(statuses_of(id),
              ElementsAre("succeeded", "succeeded", "failed", "skipped"));
  ASSERT_THAT(record.compensations, SizeIs(3));
  for (const auto& each : record.compensations)
    EXPECT_EQ(each.status, sub_action_status::succeeded) << each.name;
  const auto& calls = upstream->calls;
  EXPECT_EQ(calls[4].key, id + ".b:compensate");
  EXPECT_EQ(calls[6].key, id + ".clone:compensate");
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(FollowUpTest, UndoesAndTellsNothingThatIsNotJournaled) {
  auto more = callback({"failed"});
  upstream->script["/b"] = {answers(400, "{}", 50ms)};
  const auto definition = load_chain({"a", "b"}, more);
  start();
  const auto id = post(definition);
  run_for(20ms);
  store->fails = true;
  run_for(5s);
  EXPECT_THAT(paths(), ElementsAre("/clone", "/a", "/b"))
    << "after a crash, the job might succeed";
  store->fails = false;
  run_for(5s);
  EXPECT_THAT(paths(), ElementsAre("/clone", "/a", "/b", "/undo/a/p-1",
                                   "/p/p-1", "/done"));
}

TEST_F(FollowUpTest, TriesToUndoAgainAndGoesOnWhenThatFails) {
  start();
  upstream->script["/c"] = {answers(400)};
  upstream->script["/undo/b/p-1"] = {answers(503), answers(200)};
  upstream->script["/undo/a/p-1"] = {answers(404)};
  const auto id = post(load_chain({"a", "b", "c"}));
  run_for(2s);
  EXPECT_THAT(upstream->calls_of("/undo/b/p-1"), SizeIs(2));
  EXPECT_THAT(upstream->calls_of("/undo/a/p-1"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/p/p-1"), SizeIs(1));
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  EXPECT_EQ(record.compensations[1].status, sub_action_status::failed);
  EXPECT_TRUE(record.compensations[1].failure);
}

TEST_F(FollowUpTest, UndoesWhatASlowSiblingDidAfterTheFailure) {
  start();
  auto definition = load({{"sub_actions",
                           {{{"name", "slow"},
                             {"request", request_to("/slow")},
                             {"compensate", request_to("/undo/slow")}},
                            {{"name", "bad"},
                             {"request", request_to("/bad")},
                             {"on_failure", "compensate"}}}}});
  upstream->script["/slow"] = {answers(200, "{}", 300ms)};
  upstream->script["/bad"] = {answers(400)};
  post(definition);
  run_for(200ms);
  EXPECT_THAT(upstream->calls_of("/undo/slow"), IsEmpty());
  run_for(200ms);
  EXPECT_THAT(upstream->calls_of("/undo/slow"), SizeIs(1));
}

TEST_F(FollowUpTest, GoesOnUndoingAfterItsSupervisorDied) {
  // The death comes while the first compensation is under way.
  bool dies = false;
  options.fault = [&](std::string_view actor) {
    if (actor == "job_supervisor" && std::exchange(dies, false))
      throw std::runtime_error{"scripted"};
  };
  start();
  upstream->script["/c"] = {answers(400)};
  upstream->script["/undo/b/p-1"] = {answers(200, "{}", 100ms)};
  const auto id = post(load_chain({"a", "b", "c"}));
  run_for(50ms);
  dies = true;
  run_for(3s);
  EXPECT_FALSE(dies);
  const auto record = job_of(id);
  EXPECT_EQ(record.status, job_status::failed);
  ASSERT_THAT(record.compensations, SizeIs(3));
  for (const auto& each : record.compensations)
    EXPECT_EQ(each.status, sub_action_status::succeeded) << each.name;
  EXPECT_THAT(upstream->calls_of("/undo/a/p-1"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/c"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/undo/b/p-1"), SizeIs(2))
    << "it was under way when its supervisor died";
}

TEST_F(FollowUpTest, UndoesNothingWhenSomebodyCancels) {
  start();
  upstream->script["/b"] = {answers(503)};
  const auto definition = load_chain({"a", "b", "c"});
  const auto id = post(definition);
  run_for(50ms);
  order(id, cancel_command{}, definition);
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
  EXPECT_THAT(job_of(id).compensations, IsEmpty());
}

TEST_F(FollowUpTest, CallsBackSignedWithTheSameIdInEveryAttempt) {
  start();
  upstream->script["/done"] = {answers(500), answers(200)};
  const auto id = post(load(callback({"succeeded"})));
  run_for(10ms);
  EXPECT_EQ(job_of(id).status, job_status::succeeded)
    << "a callback holds up no job";
  EXPECT_EQ(options.admission->jobs.taken(), 1u);
  run_for(2s);
  const auto told = upstream->calls_of("/done");
  ASSERT_THAT(told, SizeIs(2));
  for (const auto& each : told) {
    const auto field = [&](const char* name) {
      const auto* value = find_header(each.headers, name);
      return value != nullptr ? *value : "";
    };
    EXPECT_EQ(field("webhook-id"), id + "_succeeded");
    EXPECT_EQ(field("Content-Type"), "application/json");
    const auto signed_at =
      wall_time{std::chrono::seconds{std::stoll(field("webhook-timestamp"))}};
    EXPECT_EQ(field("webhook-signature"),
              std::get<std::string>(sign_standard_webhook(
                secret, id + "_succeeded", signed_at, each.body)));
    EXPECT_EQ(each.body, told[0].body);
  }
  const auto body = json::parse(told[0].body);
  EXPECT_EQ(body.at("type"), "job.succeeded");
  EXPECT_EQ(body.at("data"), (json{{"job", id},
                                   {"flow", "setup"},
                                   {"uid", "p-1"},
                                   {"status", "succeeded"}}));
  EXPECT_EQ(job_of(id).callbacks[0].status, sub_action_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(FollowUpTest, TellsWhatTheFlowWantsToldInOrder) {
  start();
  auto more = callback({"cloned", "succeeded", "failed"});
  more["sub_actions"] = {{{"name", "a"}, {"request", request_to("/a")}}};
  upstream->script["/a"] = {answers(200, "{}", 50ms)};
  post(load(more));
  run_for(30ms);
  EXPECT_THAT(types_told(), ElementsAre("job.cloned"));
  run_for(30ms);
  EXPECT_THAT(types_told(), ElementsAre("job.cloned", "job.succeeded"));
}

TEST_F(FollowUpTest, KeepsTheOrderWhenTheFirstIsTriedAgain) {
  start();
  upstream->script["/done"] = {answers(503), answers(200)};
  post(load(callback({"cloned", "succeeded"})));
  run_for(2s);
  EXPECT_THAT(types_told(),
              ElementsAre("job.cloned", "job.cloned", "job.succeeded"));
}

TEST_F(FollowUpTest, TakesNoPlaceOfASubAction) {
  start();
  auto more = callback({"cloned"});
  more["sub_actions"] =
    load_with({"a", "b", "c", "d"})->definition["sub_actions"];
  upstream->script["/done"] = {answers(200, "{}", 20s)};
  for (const auto* path : {"/a", "/b", "/c", "/d"})
    upstream->script[path] = {answers(200, "{}", 100ms)};
  const auto id = post(load(more));
  run_for(50ms);
  EXPECT_EQ(upstream->in_flight, 4u) << "three of the pool and the callback";
  run_for(250ms);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(FollowUpTest, TellsOfACloneThatFailed) {
  start();
  upstream->script["/clone"] = {answers(404)};
  auto more = callback({"failed"});
  more["sub_actions"] = {{{"name", "a"}, {"request", request_to("/a")}}};
  const auto id = post(load(more));
  run_for(100ms);
  EXPECT_THAT(upstream->calls_of("/a"), IsEmpty());
  EXPECT_EQ(responder->given.at(0).status, 502);
  EXPECT_THAT(types_told(), ElementsAre("job.failed"));
  const auto body = json::parse(upstream->calls_of("/done")[0].body);
  EXPECT_TRUE(body.at("data").at("uid").is_null());
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(FollowUpTest, TellsNothingOfWhatSomebodyCancelled) {
  start();
  auto more = callback({"succeeded", "failed"});
  more["sub_actions"] = {{{"name", "a"}, {"request", request_to("/a")}}};
  upstream->script["/a"] = {answers(503)};
  const auto definition = load(more);
  const auto id = post(definition);
  run_for(50ms);
  order(id, cancel_command{}, definition);
  run_for(5s);
  EXPECT_EQ(job_of(id).status, job_status::cancelled);
  EXPECT_THAT(types_told(), IsEmpty());
}

TEST_F(FollowUpTest, TellsAgainAfterARetry) {
  start();
  auto more = callback({"succeeded", "failed"});
  more["sub_actions"] = {{{"name", "a"}, {"request", request_to("/a")}}};
  upstream->script["/a"] = {answers(400), answers(200)};
  const auto definition = load(more);
  const auto id = post(definition);
  run_for(50ms);
  order(id, retry_command{}, definition);
  run_for(50ms);
  EXPECT_THAT(types_told(), ElementsAre("job.failed", "job.succeeded"));
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(FollowUpTest, RetriesAJobThatStillCallsBack) {
  start();
  auto more = callback({"failed"});
  more["sub_actions"] = {{{"name", "a"}, {"request", request_to("/a")}}};
  upstream->script["/a"] = {answers(400), answers(200)};
  upstream->script["/done"] = {answers(200, "{}", 10s)};
  const auto definition = load(more);
  const auto id = post(definition);
  run_for(50ms);
  ASSERT_EQ(job_of(id).status, job_status::failed);
  order(id, retry_command{}, definition);
  run_for(50ms);
  ASSERT_THAT(ordered[0]->given, SizeIs(1));
  EXPECT_EQ(ordered[0]->given[0].status, 200) << ordered[0]->given[0].body;
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  order(id, retry_command{}, definition);
  run_for(50ms);
  ASSERT_THAT(ordered[1]->given, SizeIs(1));
  EXPECT_EQ(ordered[1]->given[0].status, 409);
  run_for(10s);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(FollowUpTest, GivesUpACallbackThatNobodyTakes) {
  start();
  upstream->script["/done"] = {answers(503)};
  const auto definition =
    load(callback({"succeeded"}, {{"retry", {{"max_attempts", 2}}}}));
  const auto id = post(definition);
  run_for(10s);
  EXPECT_THAT(upstream->calls_of("/done"), SizeIs(2));
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(job_of(id).callbacks[0].status, sub_action_status::failed);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  // A person can have it made again.
  upstream->script["/done"] = {answers(200)};
  order(id, retry_command{}, definition);
  run_for(1s);
  EXPECT_EQ(ordered[0]->given.at(0).status, 200);
  EXPECT_EQ(job_of(id).callbacks[0].status, sub_action_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(FollowUpTest, TellsNoSecret) {
  start();
  upstream->script["/done"] = {answers(400, secret)};
  const auto id = post(load(callback({"succeeded"})));
  run_for(100ms);
  const auto record = job_of(id);
  ASSERT_TRUE(record.callbacks[0].failure);
  EXPECT_THAT(record.callbacks[0].failure->detail,
              testing::Not(HasSubstr("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
}

} // namespace handoff
