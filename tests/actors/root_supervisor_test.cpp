#include "job/job_id.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RootSupervisorTest : public ActorTest {
protected:
  void SetUp() override {
    upstream->script["/clone"] = {answers(201, R"({"id":"p-1"})", 100ms)};
  }

  /// Makes the actor called `name` die at its `nth` message.
  void kill_at(std::string name, int nth) {
    options.fault = [name, nth, killed = killed_,
                     seen = std::make_shared<int>(0)](std::string_view actor) {
      if (actor != name || ++*seen != nth)
        return;
      *killed = true;
      throw std::runtime_error("made to die");
    };
  }

  bool killed() const { return *killed_; }

private:
  std::shared_ptr<bool> killed_ = std::make_shared<bool>(false);
};

TEST_F(RootSupervisorTest, RebuildsAJobSupervisorFromTheJournal) {
  kill_at("job_supervisor", 2);
  start();
  for (const auto* path : {"/a", "/b", "/c", "/d"})
    upstream->script[path] = {answers(200, "{}", 100ms)};
  const auto id = post(load_with({"a", "b", "c", "d"}));
  run_for(2s);
  EXPECT_TRUE(killed());
  EXPECT_THAT(statuses_of(id), Each("succeeded"));
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(RootSupervisorTest, NeverRepeatsASuccessThatWasJournaled) {
  kill_at("job_supervisor", 5);
  start();
  upstream->script["/a"] = {answers(200, "{}", 10ms)};
  upstream->script["/b"] = {answers(200, "{}", 500ms)};
  upstream->script["/c"] = {answers(500), answers(500), answers(200)};
  const auto id = post(load_with({"a", "b", "c"}));
  run_for(5s);
  EXPECT_TRUE(killed());
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
}

// It used to lose every success that came while a commit was under way.
TEST_F(RootSupervisorTest, HandsTheJournalWhatADyingSupervisorHadNotWritten) {
  kill_at("job_supervisor", 4);
  commit_delay = 100ms;
  start();
  upstream->script["/a"] = {answers(200, "{}", 10ms)};
  upstream->script["/b"] = {answers(200, "{}", 20ms)};
  upstream->script["/c"] = {answers(200, "{}", 30ms)};
  const auto id = post(load_with({"a", "b", "c"}));
  run_for(5s);
  EXPECT_TRUE(killed());
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/b"), SizeIs(1));
  EXPECT_THAT(upstream->calls_of("/c"), SizeIs(2));
}

TEST_F(RootSupervisorTest, GivesUpOnAJobThatKillsItsSupervisor) {
  options.fault = [](std::string_view actor) {
    if (actor == "job_supervisor")
      throw std::runtime_error("made to die");
  };
  start();
  const auto id = post(load_with({"a"}));
  run_for(20s);
  EXPECT_EQ(job_of(id).status, job_status::failed);
  EXPECT_EQ(job_of(id).sub_actions[0].failure->kind, error_kind::quarantined);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(RootSupervisorTest, RestartsACloneThatDiedBeforeItsJobWasJournaled) {
  kill_at("clone", 1);
  start();
  const auto id = post(load_with({"a"}));
  run_for(1s);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 200);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
}

TEST_F(RootSupervisorTest, DoesNotRepeatACloneThatDiedWithItsActor) {
  kill_at("clone", 2);
  start();
  const auto id = post(load_with({"a"}));
  run_for(10s);
  EXPECT_THAT(upstream->calls_of("/clone"), SizeIs(1));
  EXPECT_EQ(job_of(id).status, job_status::ambiguous);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 202);
}

// A command that came between a start and the recovery of its job took the
// job's place, and the recovery passed the job over until the next start.
TEST_F(RootSupervisorTest, RecoversAJobThatACommandCameFirstTo) {
  start();
  const auto definition = load_with({"a"});
  job record;
  record.id = job_id_from(options.now(), {});
  record.flow = definition->name;
  record.flow_version = definition->version;
  const std::vector<job_event> story{
    {record.id, options.now(),
     job_accepted{record, {definition, &definition->definition}}},
    {record.id, options.now(),
     clone_succeeded{std::nullopt, "p-1", nullptr, {"a"}}}};
  ASSERT_FALSE(store->commit(story));
  caf::anon_send(
    root, std::make_shared<const job_order>(job_order{
            record.id, retry_command{}, definition, nullptr, responder}));
  caf::anon_send(
    root,
    std::make_shared<const recovered_job>(recovered_job{
      record.id, definition, "",
      std::make_shared<place>(options.admission->jobs.take_over()),
      std::make_shared<place>(options.admission->recovered.take_over())}));
  run_for(1s);
  ASSERT_THAT(responder->given, SizeIs(1));
  EXPECT_EQ(responder->given[0].status, 409);
  EXPECT_EQ(job_of(record.id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  EXPECT_EQ(options.admission->recovered.taken(), 0u);
}

TEST_F(RootSupervisorTest, DrainsWhenAttemptsUnderWayHaveEnded) {
  start();
  upstream->script["/a"] = {answers(200, "{}", 1s)};
  upstream->script["/b"] = {answers(500)};
  options.pool_workers = 3;
  const auto id = post(load_with({"a", "b", "c", "d", "e"}));
  run_for(110ms);
  caf::scoped_actor self{*system};
  bool done = false;
  auto request = self->request(root, caf::infinite, drain_atom::value);
  run_for(500ms);
  EXPECT_EQ(upstream->in_flight, 1u);
  run_for(700ms);
  request.receive([&](drained_atom) { done = true; },
                  [](const caf::error&) { FAIL(); });
  EXPECT_TRUE(done);
  EXPECT_EQ(job_of(id).status, job_status::running);
  EXPECT_THAT(upstream->calls_of("/b"), SizeIs(1));
}

// Five orderly restarts in the middle of a long attempt set the job aside.
TEST_F(RootSupervisorTest, HandsBackWhatADrainCutsOff) {
  start();
  upstream->script["/a"] = {answers(200, "{}", 1h)};
  const auto flow = load_with({"a"});
  job record;
  record.id = job_id_from(options.now(), {1});
  record.flow = flow->name;
  record.flow_version = flow->version;
  record.status = job_status::running;
  record.clone.uid = "p-1";
  record.recoveries = 3;
  record.sub_actions.resize(1);
  record.sub_actions.front().name = "a";
  ASSERT_FALSE(store->commit(std::vector<job_event>{make_event(
    record, options.now(), job_accepted{record, {flow, &flow->definition}})}));
  caf::anon_send(
    root, std::make_shared<const released_job>(released_job{flow, record}));
  run_for(1s);
  EXPECT_EQ(upstream->in_flight, 1u);
  caf::anon_send(root, drain_atom::value);
  run_for(1s);
  EXPECT_EQ(upstream->in_flight, 1u);
  EXPECT_EQ(job_of(record.id).recoveries, 0u);
}

TEST_F(RootSupervisorTest, StartsTheJobsOfManyClonesThatEndAtOnce) {
  start();
  const auto flow = load_with({"a"});
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i)
    ids.push_back(post(flow));
  run_for(200ms);
  for (const auto& id : ids)
    EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(RootSupervisorTest, DrainsJobsThatWaitForTheirTurn) {
  start();
  constexpr std::size_t jobs = 50;
  const auto flow = load_with({"a"});
  upstream->script["/a"] = {answers(200, "{}", 10ms)};
  for (std::uint8_t i = 0; i < jobs; ++i) {
    job record;
    record.id = job_id_from(options.now(), {i});
    record.flow = flow->name;
    record.status = job_status::running;
    record.clone.uid = "p-1";
    record.sub_actions.resize(1);
    record.sub_actions.front().name = "a";
    caf::anon_send(root, std::make_shared<const released_job>(
                           released_job{flow, std::move(record)}));
  }
  caf::scoped_actor self{*system};
  auto request = self->request(root, caf::infinite, drain_atom::value);
  run_for(100ms);
  bool done = false;
  request.receive([&](drained_atom) { done = true; },
                  [](const caf::error&) { FAIL(); });
  EXPECT_TRUE(done);
  EXPECT_THAT(upstream->calls, SizeIs(16)) << "the others had not begun";
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

} // namespace
} // namespace handoff::test
