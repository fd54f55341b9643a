// The part of the suite that is about who may write, who works on which job,
// and what becomes of each batch.

#include "tests/journal/conformance.hpp"
#include "tests/journal/job_story.hpp"

#include <array>
#include <set>
#include <thread>

namespace handoff {
namespace {

std::vector<commit_status>
statuses_of(const std::vector<batch_outcome>& outcomes) {
  std::vector<commit_status> statuses;
  for (const auto& each : outcomes)
    statuses.push_back(each.status);
  return statuses;
}

/// A job that no journal takes, whatever its backend.
std::vector<job_event> poison(std::uint64_t n) {
  auto event = job_story{n}.accepted();
  auto record = *std::get<job_accepted>(event.change).record;
  record.hook.body = webhook_body{std::string(std::size_t{65} << 20, 'x')};
  event.change = job_accepted{std::move(record)};
  return {event};
}

} // namespace

#define EXPECT_COMMITS(...)                                                    \
  do {                                                                         \
    const auto failed = journal().commit(std::vector<job_event> __VA_ARGS__);  \
    EXPECT_FALSE(failed) << failed->detail;                                    \
  } while (false)

// -- what becomes of each batch ---------------------------------------------

TEST_P(JournalConformance, RefusesWholeBatchWhenKeyIsHeld) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(900))});
  const auto refused = outcome_of(
    {job_story{3}.accepted(), job_story{2}.accepted_with_key("key", at(901)),
     job_story{2}.cloned()});
  EXPECT_EQ(refused.status, commit_status::key_held);
  EXPECT_EQ(refused.holder, nth_id(1));
  EXPECT_TRUE(refused.failure);
  EXPECT_EQ(value_of(journal().find_key("setup", "key", at(3)))->job,
            nth_id(1));
  EXPECT_FALSE(value_of(journal().find(nth_id(2))));
  EXPECT_FALSE(value_of(journal().find(nth_id(3))));
}

TEST_P(JournalConformance, RefusesKeyOfFinishedJobThatIsKnown) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(900)),
                  job_story{1}.settled(job_status::failed)});
  EXPECT_EQ(outcome_of({job_story{2}.accepted_with_key("key", at(900))}).status,
            commit_status::key_held);
}

TEST_P(JournalConformance, GivesKeyToOneOfThoseThatShareACommit) {
  const std::vector<job_event> first{
    job_story{1}.accepted_with_key("key", at(900))};
  const std::vector<job_event> second{
    job_story{2}.accepted_with_key("key", at(900))};
  const std::vector<job_event> third{
    job_story{3}.accepted_with_key("another", at(900))};
  const std::array<std::span<const job_event>, 3> batches{first, second, third};
  const auto outcomes = journal().commit_all(batches);
  EXPECT_EQ(statuses_of(outcomes),
            (std::vector{commit_status::done, commit_status::key_held,
                         commit_status::done}));
  EXPECT_EQ(outcomes[1].holder, nth_id(1));
  EXPECT_FALSE(value_of(journal().find(nth_id(2))));
  EXPECT_TRUE(value_of(journal().find(nth_id(3))));
}

TEST_P(JournalConformance, DoesNotRefuseAcceptanceThatComesTwice) {
  const std::vector<job_event> batch{
    job_story{1}.accepted_with_key("key", at(900)), job_story{1}.cloned()};
  EXPECT_FALSE(journal().commit(batch));
  EXPECT_EQ(outcome_of(batch).status, commit_status::done);
  EXPECT_EQ(value_of(journal().find_key("setup", "key", at(3)))->job,
            nth_id(1));
}

TEST_P(JournalConformance, LeavesTheSameKeysOfTwoFlowsApart) {
  EXPECT_COMMITS({job_story{1, "a"}.accepted_with_key("key", at(900)),
                  job_story{2, "b"}.accepted_with_key("key", at(900))});
  EXPECT_EQ(value_of(journal().find_key("b", "key", at(3)))->job, nth_id(2));
}

// Goal: a batch that cannot be committed fails alone, and its job can still be
// written to afterwards.
TEST_P(JournalConformance, RejectsPoisonBatchAlone) {
  EXPECT_COMMITS({job_story{2}.accepted()});
  const std::vector<job_event> good{job_story{1}.accepted()};
  auto bad = poison(4);
  bad.push_back(job_story{2}.cloned());
  const std::vector<job_event> also_good{job_story{3}.accepted()};
  const std::array<std::span<const job_event>, 3> batches{good, bad, also_good};
  const auto outcomes = journal().commit_all(batches);
  EXPECT_EQ(statuses_of(outcomes),
            (std::vector{commit_status::done, commit_status::rejected,
                         commit_status::done}));
  EXPECT_TRUE(value_of(journal().find(nth_id(1))));
  EXPECT_TRUE(value_of(journal().find(nth_id(3))));
  EXPECT_FALSE(value_of(journal().find(nth_id(4))));
  EXPECT_TRUE(value_of(journal().find(nth_id(2)))->clone.uid.is_null())
    << "none of its events may hold";
  EXPECT_COMMITS({job_story{2}.cloned()});
  EXPECT_FALSE(value_of(journal().find(nth_id(2)))->clone.uid.is_null());
}

TEST_P(JournalConformance, TellsWhetherABatchHolds) {
  const job_story story{1};
  const std::vector<job_event> first{story.accepted(), story.clone_begun()};
  const std::vector<job_event> next{story.cloned(), story.begun(0)};
  EXPECT_FALSE(value_of(holds(journal(), first)));
  EXPECT_FALSE(journal().commit(first));
  EXPECT_TRUE(value_of(holds(journal(), first)));
  EXPECT_FALSE(value_of(holds(journal(), next)));
  EXPECT_FALSE(journal().commit(next));
  EXPECT_TRUE(value_of(holds(journal(), first)));
  EXPECT_TRUE(value_of(holds(journal(), next)));
}

// -- who may write ----------------------------------------------------------

TEST_P(JournalConformance, GivesEachOpeningAHigherNumber) {
  const auto first = journal().owner().number;
  EXPECT_GT(first, 0);
  reopen();
  EXPECT_GT(journal().owner().number, first);
}

// Goal: whoever was fenced changes nothing, whatever it tries.
TEST_P(JournalConformance, LetsFencedOwnerChangeNothing) {
  const job_story story{1};
  const auto reader = value_of(journal().open_reader());
  EXPECT_FALSE(journal().commit(story.whole(at(5))));
  EXPECT_COMMITS({job_story{2}.accepted()});
  const auto before = text_of(value_of(reader->find(nth_id(2))).value());
  fence();
  const std::vector<job_event> one{job_story{2}.cloned()};
  const std::vector<job_event> two{
    job_story{3}.accepted_with_key("key", at(900))};
  const std::array<std::span<const job_event>, 2> batches{one, two};
  EXPECT_EQ(statuses_of(journal().commit_all(batches)),
            (std::vector{commit_status::fenced, commit_status::fenced}));
  EXPECT_TRUE(journal().check());
  EXPECT_TRUE(std::holds_alternative<error>(journal().acquire({})));
  EXPECT_TRUE(
    std::holds_alternative<error>(journal().prune(at(100), at(0), 10)));
  EXPECT_EQ(text_of(value_of(reader->find(nth_id(2))).value()), before);
  EXPECT_FALSE(value_of(reader->find(nth_id(3))));
  EXPECT_FALSE(value_of(reader->find_key("setup", "key", at(1))));
  EXPECT_TRUE(value_of(reader->find(nth_id(1))));
}

// -- who works on which job -------------------------------------------------

TEST_P(JournalConformance, AcquiresNothingOfItsOwn) {
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
  EXPECT_EQ(value_of(journal().owner_of(nth_id(1))), journal().owner());
}

TEST_P(JournalConformance, AcquiresWhatAnEarlierOwnerLeftNewestFirst) {
  for (std::uint64_t n = 1; n <= 7; ++n)
    EXPECT_COMMITS({job_story{n}.accepted()});
  EXPECT_COMMITS({job_story{3}.settled(job_status::failed)});
  EXPECT_COMMITS({job_story{4}.settled(job_status::ambiguous)});
  reopen();
  EXPECT_FALSE(value_of(journal().owner_of(nth_id(7))));
  EXPECT_EQ(ids_of(value_of(journal().acquire({.limit = 2}))),
            (job_list{nth_id(7), nth_id(6)}));
  EXPECT_EQ(value_of(journal().owner_of(nth_id(7))), journal().owner());
  EXPECT_FALSE(value_of(journal().owner_of(nth_id(5))));
  EXPECT_EQ(ids_of(value_of(journal().acquire({.limit = 2}))),
            (job_list{nth_id(5), nth_id(2)}));
  EXPECT_EQ(ids_of(value_of(journal().acquire({.limit = 2}))),
            job_list{nth_id(1)});
  EXPECT_TRUE(value_of(journal().acquire({.limit = 2})).empty());
}

// Goal: what is taken up is decided by what was there, never by a clock: one
// that was set back over the restart makes ids that sort before old ones.
TEST_P(JournalConformance, AcquiresWhatWasThereWhateverTheClockSays) {
  EXPECT_COMMITS({job_story{50}.accepted(), job_story{60}.accepted()});
  reopen();
  EXPECT_COMMITS({job_story{10}.accepted(), job_story{55}.accepted()});
  EXPECT_EQ(ids_of(value_of(journal().acquire({.limit = 1}))),
            job_list{nth_id(60)});
  EXPECT_COMMITS({job_story{5}.accepted()});
  EXPECT_EQ(ids_of(value_of(journal().acquire({}))), job_list{nth_id(50)});
}

TEST_P(JournalConformance, AcquiresTheRecordAsItsEventsLeftIt) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.cloned(), story.begun(0)});
  const auto before = text_of(value_of(journal().find(story.id())).value());
  reopen();
  const auto taken = value_of(journal().acquire({}));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(text_of(taken[0]), before);
  EXPECT_COMMITS({story.ended(0)});
  EXPECT_EQ(value_of(journal().find(story.id()))->sub_actions[0].status,
            sub_action_status::succeeded);
}

TEST_P(JournalConformance, AcquiresOneJobByItsId) {
  for (std::uint64_t n = 1; n <= 3; ++n)
    EXPECT_COMMITS({job_story{n}.accepted()});
  EXPECT_COMMITS({job_story{3}.settled(job_status::failed)});
  reopen();
  EXPECT_EQ(ids_of(value_of(journal().acquire({.job = nth_id(1)}))),
            job_list{nth_id(1)});
  EXPECT_TRUE(value_of(journal().acquire({.job = nth_id(1)})).empty());
  EXPECT_TRUE(value_of(journal().acquire({.job = nth_id(3)})).empty());
  EXPECT_TRUE(value_of(journal().acquire({.job = nth_id(9)})).empty());
  EXPECT_EQ(ids_of(value_of(journal().acquire({}))), job_list{nth_id(2)});
}

TEST_P(JournalConformance, ClaimsAJobWithNothingLeftToDo) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.settled(job_status::ambiguous)});
  EXPECT_EQ(value_of(journal().claim(story.id())), journal().owner());
  EXPECT_EQ(value_of(journal().claim(story.id())), journal().owner());
  EXPECT_FALSE(value_of(journal().claim(nth_id(9))));
  EXPECT_EQ(value_of(journal().count_unfinished()), 0u);
  EXPECT_FALSE(journal().release(job_list{story.id()}));
  EXPECT_FALSE(value_of(journal().owner_of(story.id())));
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
}

TEST_P(JournalConformance, ForgetsAJobThatWasClaimedAndLetGo) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.settled(job_status::failed)});
  EXPECT_EQ(value_of(journal().claim(story.id())), journal().owner());
  EXPECT_FALSE(journal().release(job_list{story.id()}));
  EXPECT_EQ(value_of(journal().prune(at(9999), at(100), 10)), 1u);
}

TEST_P(JournalConformance, GivesReleasedJobsAgain) {
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  EXPECT_FALSE(journal().release(job_list{nth_id(1), nth_id(9)}));
  EXPECT_FALSE(value_of(journal().owner_of(nth_id(1))));
  EXPECT_EQ(ids_of(value_of(journal().acquire({}))), job_list{nth_id(1)});
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
}

TEST_P(JournalConformance, DoesNotGiveHeldBackJobsUnlessByName) {
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  reopen();
  ASSERT_EQ(value_of(journal().acquire({})).size(), 2u);
  EXPECT_FALSE(journal().release(job_list{nth_id(2)}, true));
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
  EXPECT_FALSE(value_of(journal().owner_of(nth_id(2))));
  EXPECT_EQ(ids_of(value_of(journal().acquire({.job = nth_id(2)}))),
            job_list{nth_id(2)});
  EXPECT_FALSE(journal().release(job_list{nth_id(2)}, true));
  reopen();
  EXPECT_EQ(value_of(journal().acquire({})).size(), 2u)
    << "it was this owner that could not go on with it";
}

TEST_P(JournalConformance, OwnsFinishedJobThatItTakesUpAgain) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.cloned(), story.begun(0),
                  story.ended(0, 1, sub_action_status::failed),
                  story.finished(job_status::failed, at(5))});
  EXPECT_FALSE(value_of(journal().owner_of(story.id())));
  reopen();
  EXPECT_COMMITS({story.begun(0, 2)});
  EXPECT_EQ(value_of(journal().owner_of(story.id())), journal().owner());
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
}

TEST_P(JournalConformance, LetsGoOfJobsThatHaveFinished) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted()});
  reopen();
  ASSERT_EQ(value_of(journal().acquire({})).size(), 1u);
  EXPECT_COMMITS({story.settled(job_status::failed)});
  EXPECT_FALSE(value_of(journal().owner_of(story.id())));
  EXPECT_FALSE(journal().release(job_list{story.id()}));
  EXPECT_TRUE(value_of(journal().acquire({})).empty());
}

// -- several owners ---------------------------------------------------------

TEST_P(JournalConformance, RejectsBatchForJobOfAnotherOwner) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS({job_story{1}.accepted()});
  const std::vector<job_event> theirs{job_story{1}.cloned()};
  const std::vector<job_event> own{job_story{2}.accepted()};
  const std::array<std::span<const job_event>, 2> batches{theirs, own};
  EXPECT_EQ(statuses_of(other()->commit_all(batches)),
            (std::vector{commit_status::rejected, commit_status::done}));
  EXPECT_EQ(value_of(journal().find(nth_id(1)))->status, job_status::cloning);
  EXPECT_TRUE(value_of(other()->acquire({})).empty());
}

// Two owners took the same command for the same job: what the second told was
// no news any more and so taken for done, and both went on with the job.
TEST_P(JournalConformance, RejectsNoNewsOfJobOfAnotherOwner) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS(
    {job_story{1}.accepted(), job_story{1}.settled(job_status::ambiguous)});
  const std::vector<job_event> again{{nth_id(1), at(8), clone_reopened{}}};
  EXPECT_FALSE(other()->commit(again));
  EXPECT_EQ(outcome_of({again}).status, commit_status::rejected);
  const std::span<const job_event> batch{again};
  EXPECT_EQ(other()->commit_all({&batch, 1}).front().status,
            commit_status::done)
    << "it may have been told of it and not have heard the answer";
}

TEST_P(JournalConformance, ReadsJobAgainThatAnotherOwnerHadMeanwhile) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS(
    {job_story{1}.accepted(), job_story{1}.settled(job_status::ambiguous)});
  const std::vector<job_event> again{{nth_id(1), at(8), clone_reopened{}}};
  EXPECT_FALSE(other()->commit(again));
  EXPECT_EQ(outcome_of({job_story{1}.settled(job_status::ambiguous)}).status,
            commit_status::rejected)
    << "it was remembered as ambiguous";
}

TEST_P(JournalConformance, GivesAClaimedJobToOneOwner) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.settled(job_status::ambiguous)});
  EXPECT_EQ(value_of(other()->claim(story.id())), other()->owner());
  EXPECT_EQ(value_of(journal().claim(story.id())), other()->owner());
  EXPECT_EQ(outcome_of({{story.id(), at(8), clone_reopened{}}}).status,
            commit_status::rejected);
  EXPECT_FALSE(other()->release(job_list{story.id()}));
  EXPECT_EQ(value_of(journal().claim(story.id())), journal().owner());
  EXPECT_COMMITS({{story.id(), at(8), clone_reopened{}}});
}

TEST_P(JournalConformance, GivesKeyToOneOwner) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(900))});
  const std::vector<job_event> second{
    job_story{2}.accepted_with_key("key", at(900))};
  const std::span<const job_event> batch{second};
  const auto refused = other()->commit_all({&batch, 1}).front();
  EXPECT_EQ(refused.status, commit_status::key_held);
  EXPECT_EQ(refused.holder, nth_id(1));
}

TEST_P(JournalConformance, GivesJobsOfFencedOwnerToOthers) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  EXPECT_TRUE(value_of(other()->acquire({})).empty());
  fence();
  EXPECT_EQ(ids_of(value_of(other()->acquire({.limit = 1}))),
            job_list{nth_id(2)});
  EXPECT_EQ(value_of(other()->owner_of(nth_id(2))), other()->owner());
  const std::vector<job_event> more{job_story{2}.cloned()};
  EXPECT_FALSE(other()->commit(more));
}

TEST_P(JournalConformance, GivesReleasedJobsToOthers) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  EXPECT_FALSE(journal().release(job_list{nth_id(1)}));
  EXPECT_FALSE(other()->release(job_list{nth_id(2)}));
  EXPECT_EQ(ids_of(value_of(other()->acquire({}))), job_list{nth_id(1)});
  EXPECT_EQ(outcome_of({job_story{1}.cloned()}).status,
            commit_status::rejected);
}

// -- orders -----------------------------------------------------------------

TEST_P(JournalConformance, GivesOrderToItsOwnerOnce) {
  const auto me = journal().owner();
  const auto number =
    value_of(journal().post_order(me, nth_id(1), R"({"do":"cancel"})"));
  EXPECT_FALSE(value_of(journal().take_answer(number)));
  const auto taken = value_of(journal().take_orders());
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].number, number);
  EXPECT_EQ(taken[0].job, nth_id(1));
  EXPECT_EQ(taken[0].command, R"({"do":"cancel"})");
  EXPECT_TRUE(value_of(journal().take_orders()).empty());
  EXPECT_FALSE(journal().answer_order(number, "first"));
  EXPECT_FALSE(journal().answer_order(number, "second"));
  EXPECT_EQ(value_of(journal().take_answer(number)), "first");
  EXPECT_FALSE(value_of(journal().take_answer(number)));
}

TEST_P(JournalConformance, GivesOrdersInTheirOrder) {
  const auto me = journal().owner();
  const auto first = value_of(journal().post_order(me, nth_id(1), "a"));
  const auto second = value_of(journal().post_order(me, nth_id(2), "b"));
  EXPECT_LT(first, second);
  const auto taken = value_of(journal().take_orders());
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].command, "a");
  EXPECT_EQ(taken[1].command, "b");
}

TEST_P(JournalConformance, TellsWhetherAWithdrawnOrderWasTaken) {
  const auto me = journal().owner();
  const auto first = value_of(journal().post_order(me, nth_id(1), "a"));
  EXPECT_TRUE(value_of(journal().withdraw_order(first)));
  EXPECT_TRUE(value_of(journal().take_orders()).empty());
  const auto second = value_of(journal().post_order(me, nth_id(1), "b"));
  EXPECT_EQ(value_of(journal().take_orders()).size(), 1u);
  EXPECT_FALSE(value_of(journal().withdraw_order(second)));
  EXPECT_FALSE(journal().answer_order(second, "too late"));
  EXPECT_FALSE(value_of(journal().take_answer(second)));
}

TEST_P(JournalConformance, GivesOrdersToNobodyElse) {
  if (other() == nullptr)
    GTEST_SKIP() << "there is one owner at a time";
  const auto number =
    value_of(journal().post_order(other()->owner(), nth_id(1), "a"));
  EXPECT_TRUE(value_of(journal().take_orders()).empty());
  EXPECT_FALSE(journal().answer_order(number, "not mine"));
  EXPECT_EQ(value_of(other()->take_orders()).size(), 1u);
  EXPECT_FALSE(other()->answer_order(number, "done"));
  EXPECT_EQ(value_of(journal().take_answer(number)), "done");
}

} // namespace handoff
