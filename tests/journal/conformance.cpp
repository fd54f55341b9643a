#include "tests/journal/conformance.hpp"

#include "job/claim.hpp"
#include "tests/journal/job_story.hpp"

#include <algorithm>

namespace handoff {
namespace {

job_list ids_of(const job_page& page) {
  job_list ids;
  for (const auto& each : page.jobs)
    ids.push_back(each.id);
  return ids;
}

} // namespace

// The definition is for the one translation unit that has the suite; a
// program that runs it need not have all backends.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(JournalConformance);

#define EXPECT_COMMITS(...)                                                    \
  do {                                                                         \
    const auto failed = journal().commit(std::vector<job_event> __VA_ARGS__);  \
    EXPECT_FALSE(failed) << failed->detail;                                    \
  } while (false)

TEST_P(JournalConformance, FindsNothingWhenEmpty) {
  EXPECT_FALSE(value_of(journal().find(nth_id(1))));
  EXPECT_TRUE(value_of(journal().list({})).jobs.empty());
  EXPECT_TRUE(value_of(journal().unfinished("", 10)).empty());
  EXPECT_EQ(value_of(journal().count_unfinished()), 0u);
}

TEST_P(JournalConformance, FindsJobAsItsEventsLeftIt) {
  const job_story story{1};
  job expected;
  for (const auto& event :
       {story.accepted_with_key("k", at(5000)), story.clone_begun(),
        story.clone_failed(1, at(1700)), story.clone_begun(2), story.cloned(),
        story.replied(), story.recovered(at(2500)), story.begun(0),
        story.ended(0), story.begun(1),
        story.ended(1, 1, sub_action_status::retrying), story.begun(1, 2),
        story.ended(1, 2, sub_action_status::failed),
        story.finished(job_status::failed, at(5000)),
        story.recovered(at(7000))}) {
    apply(expected, event);
    EXPECT_COMMITS({event});
    const auto found = value_of(journal().find(story.id()));
    ASSERT_TRUE(found);
    EXPECT_EQ(text_of(*found), text_of(expected));
  }
}

TEST_P(JournalConformance, FindsSameJobHoweverEventsWereGrouped) {
  const job_story story{1};
  job expected;
  for (const auto& event : story.whole(at(5000)))
    apply(expected, event);
  EXPECT_FALSE(journal().commit(story.whole(at(5000))));
  EXPECT_EQ(text_of(value_of(journal().find(story.id())).value()),
            text_of(expected));
}

TEST_P(JournalConformance, ChangesNothingWhenEventsComeTwice) {
  const job_story story{1};
  const auto all = story.whole(at(5000));
  EXPECT_FALSE(journal().commit(all));
  const auto once = text_of(value_of(journal().find(story.id())).value());
  EXPECT_FALSE(journal().commit(all));
  for (const auto& each : all)
    EXPECT_COMMITS({each, each});
  EXPECT_EQ(text_of(value_of(journal().find(story.id())).value()), once);
  const auto page = value_of(journal().list({}));
  ASSERT_EQ(page.jobs.size(), 1u);
  EXPECT_EQ(page.jobs[0].status, job_status::succeeded);
  EXPECT_EQ(page.jobs[0].finished, at(5000));
}

TEST_P(JournalConformance, CountsRecoveryOnceWhenItComesTwice) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.recovered(at(1)),
                  story.recovered(at(1)), story.recovered(at(2))});
  EXPECT_COMMITS({story.recovered(at(2))});
  EXPECT_EQ(value_of(journal().find(story.id()))->recoveries, 2u);
}

TEST_P(JournalConformance, KeepsCompensationsAndCallbacksApart) {
  const job_story story{1};
  const step_ref undoing{step_kind::compensation, 1};
  const step_ref telling{step_kind::callback, 1};
  job expected;
  for (const auto& event :
       {story.accepted(), story.cloned(),
        story.added(step_kind::callback, {"cloned", "failed"}),
        story.added(step_kind::compensation, {"share", "clone"}),
        story.begun(undoing), story.begun(telling), story.ended(undoing),
        story.begun(1), story.ended(telling)}) {
    EXPECT_COMMITS({event});
    apply(expected, event);
  }
  EXPECT_EQ(text_of(value_of(journal().find(story.id())).value()),
            text_of(expected));
}

TEST_P(JournalConformance, KeepsWaitsAndElements) {
  const job_story story{1};
  const auto event = [&](job_change change) {
    return job_event{story.id(), at(1700), std::move(change)};
  };
  const auto ended = [&](std::uint32_t number) {
    return std::get<clone_attempt_ended>(
             story.clone_failed(number, at(9000)).change)
      .made;
  };
  job expected;
  for (const auto& each :
       {story.accepted(), event(prepare_postponed{at(20'000)}),
        event(clone_prepared{{{"order", {{"id", 7}}}}}), story.clone_begun(),
        event(clone_accepted{ended(1), {{{"job", 9}}, at(60'000)}}),
        story.settled(job_status::ambiguous),
        event(polling_resumed{at(90'000)}), story.cloned(8, {"all", "copied"}),
        event(steps_expanded{sub_action_at(0), 2}), story.begun(2),
        story.ended(2, 1, sub_action_status::succeeded),
        event(wait_begun{sub_action_at(1), ended(1), at(70'000), at(5'000)})}) {
    EXPECT_COMMITS({each});
    apply(expected, each);
  }
  EXPECT_EQ(text_of(value_of(journal().find(story.id())).value()),
            text_of(expected));
  EXPECT_EQ(expected.sub_actions[0].status, sub_action_status::running);
  EXPECT_EQ(expected.sub_actions[2].name, "all.0");
  EXPECT_EQ(expected.clone.prepared["order"]["id"], 7);
}

TEST_P(JournalConformance, TakesUpAndKeepsWhatStillCallsBack) {
  const job_story story{1};
  const job_story other{2};
  const step_ref telling{step_kind::callback, 0};
  EXPECT_COMMITS({other.accepted(), other.cloned(),
                  other.finished(job_status::succeeded, at(10)),
                  story.accepted(), story.cloned(),
                  story.finished(job_status::succeeded, at(10)),
                  story.added(step_kind::callback, {"succeeded"})});
  EXPECT_EQ(ids_of(value_of(journal().unfinished("", 10))),
            (job_list{story.id()}));
  EXPECT_EQ(value_of(journal().count_unfinished()), 1u);
  EXPECT_EQ(value_of(journal().prune(at(100), at(0), 10)), 1u);
  EXPECT_COMMITS({story.begun(telling), story.ended(telling)});
  EXPECT_EQ(value_of(journal().count_unfinished()), 0u);
  EXPECT_EQ(value_of(journal().prune(at(100), at(0), 10)), 1u);
  EXPECT_FALSE(value_of(journal().find(story.id())));
}

TEST_P(JournalConformance, IgnoresEventsOfUnknownJobs) {
  const job_story known{1};
  const job_story unknown{2};
  EXPECT_COMMITS({unknown.cloned(), known.accepted(), unknown.begun(0)});
  EXPECT_FALSE(value_of(journal().find(unknown.id())));
  EXPECT_TRUE(value_of(journal().find(known.id())));
}

TEST_P(JournalConformance, IgnoresSubActionThatJobDoesNotHave) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.cloned(), story.begun(17)});
  EXPECT_EQ(value_of(journal().find(story.id()))->sub_actions.size(), 2u);
}

TEST_P(JournalConformance, TakesNoEventsAtAll) {
  EXPECT_COMMITS({});
}

TEST_P(JournalConformance, ListsNewestFirst) {
  EXPECT_COMMITS({job_story{2}.accepted(), job_story{1}.accepted(),
                  job_story{3}.accepted()});
  const auto page = value_of(journal().list({}));
  EXPECT_EQ(ids_of(page), (job_list{nth_id(3), nth_id(2), nth_id(1)}));
  EXPECT_FALSE(page.next);
}

TEST_P(JournalConformance, PagesWithoutGapOrOverlap) {
  job_list expected;
  for (std::uint64_t n = 0; n < 25; ++n) {
    EXPECT_COMMITS({job_story{n}.accepted()});
    expected.insert(expected.begin(), nth_id(n));
  }
  job_list seen;
  job_query query;
  query.limit = 10;
  for (;;) {
    const auto page = value_of(journal().list(query));
    for (const auto& each : page.jobs)
      seen.push_back(each.id);
    if (!page.next)
      break;
    query.before = *page.next;
  }
  EXPECT_EQ(seen, expected);
}

TEST_P(JournalConformance, GivesNoCursorAfterExactlyFullPage) {
  EXPECT_COMMITS({job_story{1}.accepted(), job_story{2}.accepted()});
  job_query query;
  query.limit = 2;
  EXPECT_FALSE(value_of(journal().list(query)).next);
}

TEST_P(JournalConformance, ListsByEachFilterAndByAll) {
  const job_story a{1, "setup"};
  const job_story b{2, "other"};
  const job_story c{3, "setup"};
  EXPECT_COMMITS({a.accepted(), b.accepted(), c.accepted(), a.cloned("x"),
                  b.cloned(42), c.cloned("x"),
                  c.finished(job_status::failed, at(9))});
  const auto ids = [&](job_query query) {
    return ids_of(value_of(journal().list(query)));
  };
  EXPECT_EQ(ids({.flow = "setup"}), (job_list{c.id(), a.id()}));
  EXPECT_EQ(ids({.status = job_status::running}), (job_list{b.id(), a.id()}));
  EXPECT_EQ(ids({.status = job_status::succeeded}), job_list{});
  EXPECT_EQ(ids({.uid = "x"}), (job_list{c.id(), a.id()}));
  EXPECT_EQ(ids({.uid = "42"}), job_list{b.id()});
  EXPECT_EQ(ids({.since = at(2)}), (job_list{c.id(), b.id()}));
  EXPECT_EQ(ids({.before = c.id()}), (job_list{b.id(), a.id()}));
  EXPECT_EQ(ids({.flow = "setup",
                 .status = job_status::failed,
                 .uid = "x",
                 .since = at(2)}),
            job_list{c.id()});
}

TEST_P(JournalConformance, ListsUidWithItsType) {
  const std::vector<nlohmann::json> uids{
    "text", "7", 7, -7, 18446744073709551615u, "Straße", ""};
  for (std::uint64_t n = 0; n < uids.size(); ++n)
    EXPECT_COMMITS({job_story{n}.accepted(), job_story{n}.cloned(uids[n])});
  const auto page = value_of(journal().list({}));
  ASSERT_EQ(page.jobs.size(), uids.size());
  for (std::size_t n = 0; n < uids.size(); ++n) {
    const auto& uid = page.jobs[uids.size() - 1 - n].uid;
    EXPECT_EQ(uid, uids[n]);
    EXPECT_EQ(uid.is_string(), uids[n].is_string());
  }
  EXPECT_EQ(value_of(journal().list({.uid = "7"})).jobs.size(), 2u);
  EXPECT_EQ(
    value_of(journal().list({.uid = "18446744073709551615"})).jobs.size(), 1u);
}

TEST_P(JournalConformance, FindsNoJobWithoutUidByUid) {
  EXPECT_COMMITS({job_story{1}.accepted()});
  EXPECT_TRUE(value_of(journal().list({.uid = "null"})).jobs.empty());
}

TEST_P(JournalConformance, GivesUnfinishedJobsOnly) {
  EXPECT_COMMITS(
    {job_story{1}.accepted(), job_story{2}.accepted(), job_story{2}.cloned(),
     job_story{3}.accepted(), job_story{3}.settled(job_status::ambiguous),
     job_story{4}.accepted(), job_story{4}.settled(job_status::failed),
     job_story{5}.accepted(), job_story{5}.cloned(),
     job_story{5}.finished(job_status::succeeded, at(9)),
     job_story{6}.accepted()});
  EXPECT_EQ(ids_of(value_of(journal().unfinished("", 10))),
            (job_list{nth_id(6), nth_id(2), nth_id(1)}));
  EXPECT_EQ(ids_of(value_of(journal().unfinished("", 2))),
            (job_list{nth_id(6), nth_id(2)}));
  EXPECT_EQ(ids_of(value_of(journal().unfinished(nth_id(2), 2))),
            job_list{nth_id(1)});
  EXPECT_EQ(value_of(journal().count_unfinished()), 3u);
}

TEST_P(JournalConformance, TakesUpFinishedJobAtItsNextAttempt) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted(), story.cloned(), story.begun(0),
                  story.ended(0, 1, sub_action_status::failed),
                  story.finished(job_status::failed, at(5))});
  EXPECT_EQ(value_of(journal().count_unfinished()), 0u);
  EXPECT_COMMITS({story.begun(0, 2)});
  EXPECT_EQ(value_of(journal().count_unfinished()), 1u);
  EXPECT_EQ(value_of(journal().prune(at(100), at(0), 10)), 0u);
}

TEST_P(JournalConformance, GivesKeyToItsHolderUntilItExpires) {
  const job_story story{1};
  EXPECT_COMMITS({story.accepted_with_key("key", at(500))});
  const auto held = value_of(journal().find_key("setup", "key", at(499)));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->job, story.id());
  EXPECT_EQ(held->claim,
            (idempotency_claim{"key", std::string(64, 'a'), at(500)}));
  EXPECT_FALSE(value_of(journal().find_key("setup", "key", at(500))));
  EXPECT_FALSE(value_of(journal().find_key("other", "key", at(1))));
  EXPECT_FALSE(value_of(journal().find_key("setup", "Key", at(1))));
}

TEST_P(JournalConformance, LetsNewJobTakeExpiredKey) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(2))});
  EXPECT_COMMITS({job_story{2}.accepted_with_key("key", at(900))});
  EXPECT_EQ(value_of(journal().find_key("setup", "key", at(3)))->job,
            nth_id(2));
}

TEST_P(JournalConformance, HasForgottenKeyOfForgottenJobAtItsEnd) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(900)),
                  job_story{1}.settled(job_status::failed)});
  EXPECT_EQ(value_of(journal().prune(at(9999), at(100), 10)), 1u);
  EXPECT_EQ(value_of(journal().prune(at(9999), at(900), 10)), 0u);
  EXPECT_FALSE(value_of(journal().find_key("setup", "key", at(100))));
}

TEST_P(JournalConformance, LetsNewJobTakeKeyOfForgottenJob) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(90'000)),
                  job_story{1}.settled(job_status::failed)});
  EXPECT_EQ(value_of(journal().prune(at(9999), at(100), 10)), 1u);
  EXPECT_COMMITS({job_story{2}.accepted_with_key("key", at(90'000))});
  const auto held = value_of(journal().find_key("setup", "key", at(100)));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->job, nth_id(2));
}

TEST_P(JournalConformance, GivesBackKeyThatItsJobReleased) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(9000))});
  EXPECT_COMMITS({{nth_id(1), at(50), key_released{"another"}}});
  EXPECT_TRUE(value_of(journal().find_key("setup", "key", at(100))));
  EXPECT_COMMITS({{nth_id(1), at(60), key_released{"key"}}});
  EXPECT_FALSE(value_of(journal().find_key("setup", "key", at(100))));
  const auto released = value_of(journal().find(nth_id(1)));
  ASSERT_TRUE(released->claim);
  EXPECT_TRUE(is_released(*released->claim));
  EXPECT_COMMITS({job_story{2}.accepted_with_key("key", at(9000)),
                  {nth_id(1), at(70), key_released{"key"}}});
  const auto held = value_of(journal().find_key("setup", "key", at(100)));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->job, nth_id(2));
}

TEST_P(JournalConformance, ReopensNoJobWhoseKeyWentToAnother) {
  EXPECT_COMMITS({job_story{1}.accepted_with_key("key", at(9000)),
                  job_story{1}.settled(job_status::failed)});
  EXPECT_COMMITS({{nth_id(1), at(60), key_released{"key"}},
                  job_story{2}.accepted_with_key("key", at(9000))});
  const auto outcome = outcome_of({{nth_id(1), at(70), clone_reopened{}}});
  EXPECT_EQ(outcome.status, commit_status::key_held);
  EXPECT_EQ(outcome.holder, nth_id(2));
  EXPECT_EQ(value_of(journal().find(nth_id(1)))->status, job_status::failed);
}

// A retry was answered with a success, and nothing of it was stored.
TEST_P(JournalConformance, HasNoForgottenJobGoOn) {
  EXPECT_COMMITS(
    {job_story{1}.accepted(), job_story{1}.settled(job_status::failed)});
  EXPECT_EQ(value_of(journal().prune(at(9999), at(100), 10)), 1u);
  const auto outcome = outcome_of({{nth_id(1), at(70), clone_reopened{}}});
  EXPECT_EQ(outcome.status, commit_status::rejected);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->kind, error_kind::unknown_job);
  EXPECT_FALSE(value_of(journal().find(nth_id(1))));
}

TEST_P(JournalConformance, CommitsNothingToSeeWhetherItCan) {
  EXPECT_COMMITS({job_story{1}.accepted()});
  EXPECT_FALSE(journal().check());
  EXPECT_EQ(value_of(journal().list({})).jobs.size(), 1u);
}

TEST_P(JournalConformance, KeepsEachVersionOfDefinition) {
  auto second = job_story{2}.accepted();
  auto& change = std::get<job_accepted>(second.change);
  auto record = *change.record;
  record.flow_version = "setup@2";
  change = job_accepted{
    std::move(record),
    std::make_shared<const nlohmann::json>(nlohmann::json{{"v", 2}})};
  EXPECT_COMMITS({job_story{1}.accepted(), second, job_story{3}.accepted()});
  EXPECT_EQ(value_of(journal().flow_definition("setup@1")),
            (nlohmann::json{{"name", "setup"}}));
  EXPECT_EQ(value_of(journal().flow_definition("setup@2")),
            (nlohmann::json{{"v", 2}}));
  EXPECT_FALSE(value_of(journal().flow_definition("setup@3")));
}

TEST_P(JournalConformance, PrunesWhatFinishedFirst) {
  for (std::uint64_t n = 0; n < 5; ++n)
    EXPECT_FALSE(journal().commit(
      job_story{n}.whole(at(1000 - 100 * static_cast<std::int64_t>(n)))));
  EXPECT_COMMITS({job_story{9}.accepted()});
  EXPECT_EQ(value_of(journal().prune(at(1000), at(0), 2)), 2u);
  EXPECT_EQ(ids_of(value_of(journal().list({}))),
            (job_list{nth_id(9), nth_id(2), nth_id(1), nth_id(0)}));
  EXPECT_EQ(value_of(journal().prune(at(1000), at(0), 10)), 2u);
  EXPECT_EQ(ids_of(value_of(journal().list({}))),
            (job_list{nth_id(9), nth_id(0)}));
}

TEST_P(JournalConformance, IgnoresLateEventOfForgottenJob) {
  const job_story story{1};
  EXPECT_FALSE(journal().commit(story.whole(at(10))));
  EXPECT_EQ(value_of(journal().prune(at(11), at(0), 10)), 1u);
  EXPECT_COMMITS({story.begun(0, 2), story.replied()});
  EXPECT_FALSE(value_of(journal().find(story.id())));
}

TEST_P(JournalConformance, ShowsCommitsToReaderThatWasOpenBefore) {
  const auto reader = value_of(journal().open_reader());
  ASSERT_TRUE(reader);
  EXPECT_FALSE(value_of(reader->find(nth_id(1))));
  EXPECT_COMMITS({job_story{1}.accepted_with_key("k", at(99))});
  EXPECT_TRUE(value_of(reader->find(nth_id(1))));
  EXPECT_EQ(value_of(reader->list({})).jobs.size(), 1u);
  EXPECT_EQ(value_of(reader->unfinished("", 5)).size(), 1u);
  EXPECT_EQ(value_of(reader->count_unfinished()), 1u);
  EXPECT_TRUE(value_of(reader->find_key("setup", "k", at(1))));
  EXPECT_TRUE(value_of(reader->flow_definition("setup@1")));
  EXPECT_GT(value_of(reader->bytes()), 0u);
}

TEST_P(JournalConformance, KeepsEverythingThroughCrash) {
  if (!survives())
    GTEST_SKIP() << "lives as long as its process";
  const job_story done{1};
  const job_story open{2};
  EXPECT_FALSE(journal().commit(done.whole(at(50))));
  EXPECT_COMMITS(
    {open.accepted_with_key("k", at(99)), open.cloned(), open.begun(0)});
  const auto before = text_of(value_of(journal().find(open.id())).value());
  crash_and_reopen();
  EXPECT_EQ(text_of(value_of(journal().find(open.id())).value()), before);
  EXPECT_EQ(value_of(journal().list({})).jobs.size(), 2u);
  EXPECT_TRUE(value_of(journal().find_key("setup", "k", at(1))));
  EXPECT_EQ(value_of(journal().acquire({})).size(), 1u);
  // What was told before the crash is known to be told.
  EXPECT_COMMITS({open.begun(0), open.ended(0), open.ended(0)});
  const auto after = value_of(journal().find(open.id())).value();
  EXPECT_EQ(after.sub_actions.at(0).status, sub_action_status::succeeded);
  EXPECT_EQ(after.sub_actions.at(0).attempts.size(), 1u);
  crash_and_reopen();
  EXPECT_EQ(text_of(value_of(journal().find(open.id())).value()),
            text_of(after));
}

} // namespace handoff
