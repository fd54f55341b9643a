#include "actors/recovery.hpp"
#include "job/job_id.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/send.hpp>
#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecoveryTest : public ActorTest {
protected:
  ~RecoveryTest() override {
    caf::anon_send_exit(taker, caf::exit_reason::user_shutdown);
    taker = nullptr;
  }

  /// Journals jobs as a run left them that ended while `a` was under way.
  void leave_unfinished(int count) {
    definition = load_with({"a"});
    for (int n = 0; n < count; ++n) {
      job record;
      record.id = job_id_from(options.now() + std::chrono::milliseconds{n}, {});
      record.flow = definition->name;
      record.flow_version = definition->version;
      record.hook.job = record.id;
      record.hook.flow = record.flow;
      record.hook.received = options.now();
      record.hook.trace = continue_trace("");
      attempt made;
      made.worker = "clone";
      const auto id = record.id;
      ids.push_back(id);
      const auto failed = store->commit(std::vector<job_event>{
        {id, options.now(), job_accepted{record, nullptr}},
        {id, options.now(), clone_attempt_begun{made}},
        {id, options.now(), clone_succeeded{std::nullopt, "p", nullptr, {"a"}}},
        {id, options.now(), step_begun{sub_action_at(0), made}}});
      ASSERT_FALSE(failed);
    }
    // Whoever left them works on them no more.
    ASSERT_FALSE(store->release(ids, false));
    if (knows_definition) {
      job other;
      other.id = job_id_from(options.now() - 1h, {});
      other.flow_version = definition->version;
      // Its definition comes with the first job of a version.
      const auto failed = store->commit(std::vector<job_event>{
        {other.id, options.now(),
         job_accepted{other, {definition, &definition->definition}}},
        {other.id, options.now(), job_finished{job_status::cancelled}}});
      ASSERT_FALSE(failed);
    }
    left = static_cast<std::size_t>(count);
  }

  void recover() {
    start();
    recovery_options chosen;
    chosen.env = std::make_shared<const environment>(options);
    chosen.root = root;
    chosen.reader =
      std::get<std::unique_ptr<journal_reader>>(store->open_reader());
    chosen.compile = [this](const nlohmann::json&) {
      return result<flow_ptr>{definition};
    };
    unfinished =
      std::make_shared<place>(options.admission->jobs.take_over(left));
    chosen.job_places = unfinished;
    chosen.warn = [this](const std::string& what, const job*) {
      warnings.push_back(what);
    };
    chosen.page = 10;
    taker = system->spawn(recovery, std::move(chosen));
    run_for(1ms);
  }

  bool knows_definition = true;
  std::size_t left = 0;
  place_ptr unfinished;
  flow_ptr definition;
  std::vector<std::string> ids;
  std::vector<std::string> warnings;
  recovery_actor taker;
};

TEST_F(RecoveryTest, FinishesWhatWasLeft) {
  leave_unfinished(1);
  recover();
  run_for(1s);
  EXPECT_EQ(job_of(ids[0]).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/clone"), IsEmpty());
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
  EXPECT_EQ(options.admission->recovered.taken(), 0u);
}

TEST_F(RecoveryTest, TakesUpAPageAtATimeNewestFirst) {
  leave_unfinished(30);
  recover();
  run_for(50ms);
  ASSERT_THAT(upstream->calls_of("/a"), SizeIs(10));
  EXPECT_EQ(upstream->calls_of("/a")[0].key, ids[29] + ".a");
  run_for(100ms);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(20));
  run_for(1s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(30));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// Goal: jobs that wait for one upstream hold up no others. They did: the newest
// 2,000 of a dead upstream kept all older ones from being taken up.
TEST_F(RecoveryTest, GoesOnPastJobsThatWaitForTheirTurn) {
  turns->refuse = true;
  leave_unfinished(60);
  recover();
  run_for(2s);
  EXPECT_EQ(options.admission->recovered.taken(), 0u);
  EXPECT_EQ(turns->waiting(), 60u);
  EXPECT_THAT(upstream->calls, IsEmpty());
  turns->refuse = false;
  turns->grant_all();
  run_for(1s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(60));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

// Goal: what an upstream asked for ("not now") holds after a restart, for all
// jobs, and before any of them asks for its turn.
TEST_F(RecoveryTest, LeavesAnUpstreamAloneForWhatIsLeftOfItsPause) {
  leave_unfinished(2);
  attempt told;
  told.worker = "w";
  told.ended = true;
  told.counted = false;
  told.http_status = 429;
  told.failure = error{error_kind::throttled, "not now"};
  step_ended refused{
    sub_action_at(0), told,         sub_action_status::retrying,
    nullptr,          told.failure, options.now() + 40s};
  ASSERT_FALSE(store->commit(
    std::vector<job_event>{{ids[0], options.now(), std::move(refused)}}));
  recover();
  ASSERT_FALSE(turns->pauses.empty());
  EXPECT_EQ(turns->pauses[0].first, "http://127.0.0.1:9001");
  EXPECT_NEAR(static_cast<double>(turns->pauses[0].second.count()), 40'000,
              100);
}

TEST_F(RecoveryTest, SetsAsideAJobThatGotNoFurtherTooOften) {
  leave_unfinished(2);
  std::vector<job_event> taken_up;
  for (int n = 0; n < 5; ++n)
    taken_up.push_back(
      {ids[0], options.now() + std::chrono::milliseconds{n}, job_recovered{}});
  ASSERT_FALSE(store->commit(taken_up));
  recover();
  run_for(1s);
  EXPECT_EQ(job_of(ids[0]).status, job_status::failed);
  EXPECT_EQ(job_of(ids[0]).sub_actions[0].failure->kind,
            error_kind::quarantined);
  EXPECT_EQ(job_of(ids[1]).status, job_status::succeeded);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(RecoveryTest, TakesUpSuspectsLastAndInSmallerGroups) {
  leave_unfinished(5);
  upstream->script["/a"] = {answers(200, "{}", 10s)};
  std::vector<job_event> taken_up;
  // 1 and 2 were taken up four times, 3 and 4 three times.
  for (const auto n : {1, 2, 3, 4})
    for (int times = 0; times < (n < 3 ? 4 : 3); ++times)
      taken_up.push_back({ids[static_cast<std::size_t>(n)],
                          options.now() + std::chrono::milliseconds{times},
                          job_recovered{}});
  ASSERT_FALSE(store->commit(taken_up));
  recover();
  run_for(50ms);
  ASSERT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(upstream->calls_of("/a")[0].key, ids[0] + ".a");
  run_for(1s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(3)) << "3 and 4 are one group";
  run_for(10s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(4)) << "1 or 2, by itself";
  run_for(11s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(5));
  run_for(11s);
  for (const auto n : {1u, 2u, 3u, 4u})
    EXPECT_EQ(job_of(ids[n]).status, job_status::succeeded);
}

// Goal: an attempt that a crash cut short uses up no attempt. Two kill -9 made
// an acknowledged job fail whose clone no upstream had ever answered.
TEST_F(RecoveryTest, CountsNoCloneThatACrashCutShort) {
  definition = load(
    {{"clone", {{"safe_to_repeat", true}, {"retry", {{"max_attempts", 2}}}}}});
  upstream->script["/clone"] = {answers(201, R"({"id":"p"})")};
  job record;
  record.id = job_id_from(options.now(), {});
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.hook.trace = continue_trace("");
  record.hook.body = webhook_body::of({{"name", "n"}});
  ids.push_back(record.id);
  std::vector<job_event> story{
    make_event(record, options.now(),
               job_accepted{record, {definition, &definition->definition}})};
  for (const std::uint32_t number : {1u, 2u, 3u}) {
    attempt made;
    made.number = number;
    story.push_back(
      make_event(record, options.now(), clone_attempt_begun{made}));
    made.ended = true;
    made.counted = false;
    if (number < 3)
      story.push_back(make_event(record, options.now(),
                                 clone_attempt_ended{made, options.now()}));
  }
  ASSERT_FALSE(store->commit(story));
  ASSERT_FALSE(store->release(ids, false));
  recover();
  run_for(5s);
  EXPECT_EQ(job_of(ids[0]).status, job_status::succeeded);
  EXPECT_EQ(job_of(ids[0]).clone.counted, 1u);
  for (const auto& each : job_of(ids[0]).clone.attempts)
    EXPECT_TRUE(each.ended) << each.number;
}

// Goal: a job that ends the process is set aside after five starts, however
// long it takes to do it. It was not if it took more than half a second.
TEST_F(RecoveryTest, KeepsSuspectingAJobUntilItGetsFurther) {
  leave_unfinished(1);
  upstream->script["/a"] = {answers(200, "{}", 1h)};
  std::vector<job_event> taken_up;
  for (int times = 0; times < 4; ++times)
    taken_up.push_back({ids[0],
                        options.now() + std::chrono::milliseconds{times},
                        job_recovered{}});
  ASSERT_FALSE(store->commit(taken_up));
  recover();
  run_for(20s);
  ASSERT_THAT(upstream->calls_of("/a"), SizeIs(1));
  EXPECT_EQ(job_of(ids[0]).recoveries, 5u);
}

TEST_F(RecoveryTest, TakesUpNoMoreWhileItDrains) {
  leave_unfinished(30);
  recover();
  caf::anon_send(taker, drain_atom::value);
  run_for(1s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(10));
}

TEST_F(RecoveryTest, LeavesAJobWithoutDefinitionAndSaysSo) {
  knows_definition = false;
  leave_unfinished(3);
  recover();
  run_for(1s);
  EXPECT_EQ(job_of(ids[0]).status, job_status::running);
  EXPECT_THAT(upstream->calls, IsEmpty());
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0], HasSubstr("does not have the definition"));
  EXPECT_EQ(options.admission->jobs.taken(), 3u);
}

TEST_F(RecoveryTest, TakesUpNothingUntilThatIsJournaled) {
  leave_unfinished(15);
  store->fails = true;
  recover();
  run_for(10s);
  EXPECT_THAT(upstream->calls, IsEmpty());
  store->fails = false;
  run_for(3s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(15));
  EXPECT_EQ(options.admission->jobs.taken(), 0u);
}

TEST_F(RecoveryTest, CountsOnceWhatASlowJournalIsAskedTwice) {
  leave_unfinished(3);
  commit_delay = 6s;
  options.journal_pause = 500ms;
  recover();
  run_for(5800ms);
  EXPECT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(upstream->calls, IsEmpty());
  run_for(400ms);
  EXPECT_THAT(upstream->calls, IsEmpty())
    << "that they begin is journaled first";
  run_for(6s);
  EXPECT_THAT(upstream->calls_of("/a"), SizeIs(3));
  EXPECT_EQ(job_of(ids[0]).recoveries, 1u);
}

} // namespace
} // namespace handoff::test
