#include "tests/actors/actor_fixture.hpp"

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
  /// So many at once want something to be committed.
  void mail(int count) {
    for (int i = 0; i < count; ++i)
      caf::anon_send(
        options.journal,
        std::make_shared<const std::vector<job_event>>(std::vector<job_event>{
          {"nobody's", options.now(), sender_replied{}}}));
  }

  void send(int count) {
    mail(count);
    run_for(0ms);
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
  send(15);
  EXPECT_THAT(rests, IsEmpty());
  send(16);
  EXPECT_EQ(store->commits, 2u);
  EXPECT_THAT(rests, AllOf(SizeIs(6), Each(500us)))
    << "they are about to come again";
  send(1);
  EXPECT_EQ(store->commits, 3u);
  EXPECT_THAT(rests, SizeIs(6)) << "the crowd is gone";
}

TEST_F(JournalKeeperTest, RestsNoLongerThanUntilAsManyHaveCome) {
  while_resting = [this] {
    if (rests.size() <= 3)
      mail(8);
  };
  start();
  send(17);
  EXPECT_EQ(store->commits, 2u);
  EXPECT_THAT(rests, SizeIs(3 + 6)) << "after the second, nobody comes";
}

} // namespace
} // namespace handoff::test
