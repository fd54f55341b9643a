#include "tests/actors/actor_fixture.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JournalKeeperTest : public ActorTest {
protected:
  events_ptr batch() const {
    return std::make_shared<const std::vector<job_event>>(
      std::vector<job_event>{{"nobody's", options.now(), sender_replied{}}});
  }

  /// So many at once want something to be committed, and wait for it.
  void ask(int count) {
    for (int i = 0; i < count; ++i)
      system->spawn([journal = options.journal,
                     events = batch()](caf::event_based_actor* self) {
        self->request(journal, caf::infinite, events)
          .then([](const commit_done&) {});
      });
    run_for(0ms);
  }

  /// So many at once tell of something, and wait for nothing.
  void tell(int count) {
    for (int i = 0; i < count; ++i)
      caf::anon_send(options.journal, batch());
  }
};

TEST_F(JournalKeeperTest, TellsByItselfWhenItCommitsAgain) {
  start();
  store->fails = true;
  post(load());
  run_for(10s);
  EXPECT_THAT(health, ElementsAre(true));
  store->fails = false;
  // Nobody sends anything: who asks /readyz first would wait for ever.
  run_for(2s);
  EXPECT_THAT(health, ElementsAre(true, false));
}

TEST_F(JournalKeeperTest, CommitsWhatCameBeforeItsEnd) {
  commit_delay = 10s;
  start();
  const auto id = post(load(), true);
  EXPECT_EQ(store->commits, 0u);
  caf::anon_send_exit(options.journal, caf::exit_reason::user_shutdown);
  run_for(1ms);
  EXPECT_EQ(store->commits, 1u);
  EXPECT_EQ(job_of(id).status, job_status::cloning);
}

TEST_F(JournalKeeperTest, MakesOneCommitForAllThatWait) {
  commit_delay = 10ms;
  start();
  const auto flow = load();
  for (int i = 0; i < 20; ++i)
    post(flow, true);
  run_for(10ms);
  EXPECT_EQ(store->commits, 1u);
}

TEST_F(JournalKeeperTest, RestsOnlyAfterACrowd) {
  start();
  ask(15);
  EXPECT_THAT(rests, IsEmpty());
  ask(16);
  EXPECT_EQ(store->commits, 2u);
  EXPECT_THAT(rests, AllOf(SizeIs(6), Each(500us)))
    << "they are about to come again";
  ask(1);
  EXPECT_EQ(store->commits, 3u);
  EXPECT_THAT(rests, SizeIs(6)) << "the crowd is gone";
}

TEST_F(JournalKeeperTest, RestsNoLongerThanUntilAsManyHaveCome) {
  while_resting = [this] {
    tell(8);
  };
  start();
  ask(17);
  EXPECT_THAT(rests, SizeIs(3));
  EXPECT_EQ(store->commits, 2u);
}

TEST_F(JournalKeeperTest, DoesNotRestForThoseWhoWaitForNothing) {
  start();
  tell(100);
  run_for(0ms);
  EXPECT_EQ(store->commits, 1u);
  EXPECT_THAT(rests, IsEmpty());
}

TEST_F(JournalKeeperTest, DoesNotRestAfterAFailure) {
  start();
  store->fails = true;
  ask(16);
  EXPECT_THAT(health, ElementsAre(true));
  EXPECT_THAT(rests, IsEmpty()) << "they come again much later";
}

TEST_F(JournalKeeperTest, TellsEachWhatBecameOfItsOwnEvents) {
  start();
  job record;
  record.id = "1";
  record.flow = "setup";
  record.claim = {"key", "print", options.now() + 1h};
  auto other = record;
  other.id = "2";
  std::map<std::string, commit_done> told;
  for (const auto& each : {record, other})
    system->spawn([&told, each, now = options.now(),
                   journal = options.journal](caf::event_based_actor* self) {
      self
        ->request(journal, caf::infinite,
                  std::make_shared<const std::vector<job_event>>(
                    std::vector<job_event>{{each.id, now, job_accepted{each}}}))
        .then(
          [&told, id = each.id](const commit_done& done) { told[id] = done; });
    });
  run_for(0ms);
  EXPECT_EQ(store->commits, 1u);
  EXPECT_EQ(told["1"].status, commit_status::done);
  EXPECT_EQ(told["2"].status, commit_status::key_held);
  EXPECT_EQ(told["2"].holder, "1");
  EXPECT_THAT(health, IsEmpty()) << "the journal commits";
}

TEST_F(JournalKeeperTest, EndsWhenAnotherHasTakenItsPlace) {
  start();
  bool has_ended = false;
  const auto watcher = system->spawn(
    [&has_ended, journal = options.journal](caf::event_based_actor* self) {
      self->monitor(journal);
      self->set_down_handler([&has_ended](caf::down_msg& down) {
        has_ended = down.reason != caf::exit_reason::normal;
      });
      self->become([](flush_atom) {});
    });
  ask(1);
  EXPECT_FALSE(has_ended);
  store->shared()->fence(store->owner());
  ask(1);
  EXPECT_TRUE(has_ended);
  caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
}

TEST_F(JournalKeeperTest, GivesFreeJobsOnce) {
  {
    memory_journal earlier{store->shared()};
    job record;
    record.id = "1";
    ASSERT_FALSE(earlier.commit(
      std::vector<job_event>{{"1", options.now(), job_accepted{record}}}));
  }
  start();
  std::vector<std::size_t> counts;
  for (int n = 0; n < 2; ++n)
    system->spawn([&counts,
                   journal = options.journal](caf::event_based_actor* self) {
      self->request(journal, caf::infinite, acquire_atom::value, acquisition{})
        .then([&counts](const jobs_acquired& taken) {
          counts.push_back(taken.jobs.size());
        });
    });
  run_for(0ms);
  EXPECT_THAT(counts, ElementsAre(1, 0));
}

TEST_F(JournalKeeperTest, IsInTheMiddleOfNothingBetweenMessages) {
  start();
  post(load());
  run_for(6s);
  EXPECT_FALSE(watched.longest(-1ms)) << watched.longest(-1ms)->what;
}

// A journal that was a little too large lost all its finished jobs.
TEST_F(JournalKeeperTest, DeletesNoMoreThanItHasToForKeepBytes) {
  constexpr std::size_t wanted = 20;
  keep_bytes = wanted * sizeof(job);
  upstream->script["/clone"] = {answers(201, R"({"id":"p"})")};
  start();
  const auto flow = load();
  for (std::size_t i = 0; i < wanted + 10; ++i)
    post(flow);
  run_for(60s);
  const auto listed = store->list({.limit = 1'000});
  const auto left = std::get<job_page>(listed).jobs.size();
  EXPECT_LE(left, wanted);
  EXPECT_GE(left, wanted - 10);
}

TEST_F(JournalKeeperTest, ForgetsNothingOnlyBecauseTheClockJumps) {
  constexpr milliseconds month = std::chrono::hours{30 * 24};
  milliseconds ahead{0};
  options.now = [&ahead, before = options.now] {
    return before() + ahead;
  };
  running = [this] {
    return std::chrono::nanoseconds{now()};
  };
  upstream->script["/clone"] = {answers(201, R"({"id":"p"})")};
  start();
  const auto id = post(load());
  run_for(6s);
  ASSERT_EQ(job_of(id).status, job_status::succeeded);
  ahead = month;
  run_for(20s);
  EXPECT_EQ(job_of(id).status, job_status::succeeded);
  EXPECT_THAT(jumps, ElementsAre(month));
}

} // namespace
} // namespace handoff::test
