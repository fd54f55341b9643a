#include "job/event.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

wall_time at(int ms) {
  return wall_time{std::chrono::milliseconds{ms}};
}

attempt begun(std::uint32_t number) {
  attempt made;
  made.number = number;
  return made;
}

attempt ended(std::uint32_t number) {
  auto made = begun(number);
  made.ended = true;
  return made;
}

using sub_status = sub_action_status;

} // namespace

class EventTest : public testing::Test {
protected:
  bool take(job_change change, int ms = 1) {
    return apply(record_, {"a", at(ms), std::move(change)});
  }

  /// A job whose UID is known, with two sub-actions.
  void accept_and_clone() {
    job fresh;
    fresh.id = "a";
    ASSERT_TRUE(take(job_accepted{fresh, nullptr}));
    ASSERT_TRUE(take(clone_attempt_begun{begun(1)}));
    ASSERT_TRUE(take(clone_succeeded{ended(1), "uid", nullptr, {"x", "y"}}));
  }

  bool end(std::size_t index, std::uint32_t number, sub_status status) {
    return take(step_ended{sub_action_at(index), ended(number), status, number,
                           std::nullopt, std::nullopt});
  }

  sub_status status_of(std::size_t index) const {
    return record_.sub_actions.at(index).status;
  }

  job record_;
};

TEST_F(EventTest, GoesFromAcceptedToSucceeded) {
  accept_and_clone();
  EXPECT_EQ(record_.status, job_status::running);
  EXPECT_EQ(record_.clone.attempts.size(), 1u);
  for (const std::size_t index : {0u, 1u}) {
    EXPECT_EQ(status_of(index), sub_status::waiting);
    EXPECT_TRUE(take(step_begun{sub_action_at(index), begun(1)}));
    EXPECT_EQ(status_of(index), sub_status::running);
    EXPECT_TRUE(end(index, 1, sub_status::succeeded));
  }
  EXPECT_TRUE(take(job_finished{job_status::succeeded}, 9));
  EXPECT_EQ(record_.status, job_status::succeeded);
  EXPECT_EQ(record_.finished, at(9));
}

TEST_F(EventTest, ChangesNothingWhenCloneComesTwice) {
  accept_and_clone();
  EXPECT_TRUE(end(0, 1, sub_status::succeeded));
  EXPECT_FALSE(take(clone_attempt_begun{begun(1)}));
  EXPECT_FALSE(take(clone_succeeded{ended(1), "uid", nullptr, {"x", "y"}}));
  EXPECT_EQ(record_.status, job_status::running);
  EXPECT_EQ(status_of(0), sub_status::succeeded);
}

TEST_F(EventTest, ChangesNothingWhenAcceptanceComesTwice) {
  accept_and_clone();
  job fresh;
  fresh.id = "a";
  EXPECT_FALSE(take(job_accepted{fresh, nullptr}));
  EXPECT_EQ(record_.clone.uid, "uid");
}

TEST_F(EventTest, ChangesNothingWhenSubActionEventsComeTwice) {
  accept_and_clone();
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(1)}));
  EXPECT_TRUE(end(0, 1, sub_status::failed));
  EXPECT_FALSE(take(step_begun{sub_action_at(0), begun(1)}));
  EXPECT_FALSE(end(0, 1, sub_status::failed));
  EXPECT_EQ(status_of(0), sub_status::failed);
  EXPECT_TRUE(take(step_settled{sub_action_at(1), sub_status::skipped, {}}));
  EXPECT_FALSE(take(step_settled{sub_action_at(1), sub_status::skipped, {}}));
}

TEST_F(EventTest, KeepsSuccessWhateverComesLate) {
  accept_and_clone();
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(1)}));
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(2)}));
  EXPECT_TRUE(end(0, 2, sub_status::succeeded));
  EXPECT_TRUE(end(0, 1, sub_status::failed));
  EXPECT_FALSE(take(step_settled{sub_action_at(0), sub_status::cancelled, {}}));
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(3)}));
  EXPECT_EQ(status_of(0), sub_status::succeeded);
  EXPECT_EQ(record_.sub_actions[0].answer, 2);
}

TEST_F(EventTest, IgnoresSubActionThatThereIsNot) {
  accept_and_clone();
  EXPECT_FALSE(take(step_begun{sub_action_at(2), begun(1)}));
  EXPECT_FALSE(end(2, 1, sub_status::succeeded));
  EXPECT_FALSE(take(step_settled{sub_action_at(2), sub_status::skipped, {}}));
}

TEST_F(EventTest, TakesJobUpAgainAtNewAttempt) {
  accept_and_clone();
  EXPECT_TRUE(end(0, 1, sub_status::failed));
  EXPECT_TRUE(take(job_finished{job_status::failed}));
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(2)}));
  EXPECT_EQ(record_.status, job_status::running);
  EXPECT_FALSE(record_.finished);
}

TEST_F(EventTest, TakesJobUpAgainWhenSubActionWaitsAgain) {
  accept_and_clone();
  EXPECT_TRUE(end(0, 1, sub_status::failed));
  EXPECT_TRUE(take(job_finished{job_status::failed}));
  EXPECT_TRUE(take(step_settled{sub_action_at(0), sub_status::waiting, {}}));
  EXPECT_EQ(record_.status, job_status::running);
  EXPECT_FALSE(record_.finished);
  EXPECT_EQ(status_of(0), sub_status::retrying) << "it was attempted before";
}

TEST_F(EventTest, TakesFailedCloneUpAgain) {
  job fresh;
  fresh.id = "a";
  take(job_accepted{fresh, nullptr});
  const clone_settled failed{ended(1), job_status::failed,
                             error{error_kind::clone_failed, "no"}};
  EXPECT_TRUE(take(failed));
  EXPECT_TRUE(record_.finished);
  EXPECT_FALSE(take(failed));
  EXPECT_TRUE(take(clone_attempt_begun{begun(2)}));
  EXPECT_EQ(record_.status, job_status::cloning);
  EXPECT_FALSE(record_.finished);
  EXPECT_FALSE(record_.clone.failure);
  // Of the attempt before: it settles nothing any more.
  EXPECT_FALSE(take(failed));
  EXPECT_EQ(record_.status, job_status::cloning);
}

TEST_F(EventTest, IsNotFinishedWhenAmbiguous) {
  job fresh;
  fresh.id = "a";
  take(job_accepted{fresh, nullptr});
  EXPECT_TRUE(take(clone_settled{ended(1), job_status::ambiguous,
                                 error{error_kind::clone_ambiguous, "?"}}));
  EXPECT_FALSE(record_.finished);
}

TEST_F(EventTest, IsClonedAgainOnlyWhereAPersonWantsIt) {
  job fresh;
  fresh.id = "a";
  take(job_accepted{fresh, nullptr});
  take(clone_attempt_begun{begun(1)});
  EXPECT_FALSE(take(clone_reopened{})) << "it is under way";
  take(clone_settled{std::nullopt, job_status::ambiguous,
                     error{error_kind::clone_ambiguous, "?"}});
  EXPECT_TRUE(take(clone_reopened{}, 7));
  EXPECT_FALSE(take(clone_reopened{}, 8));
  EXPECT_EQ(record_.status, job_status::cloning);
  EXPECT_EQ(record_.clone.next_attempt, at(7));
  EXPECT_TRUE(record_.clone.attempts.back().ended)
    << "a restart would take it for one in flight";
}

// Retention goes by the end of a job: where the wall clock had been set back,
// it forgot a job, and with it its key, long before its time.
TEST_F(EventTest, EndsNoEarlierThanItBegan) {
  job fresh;
  fresh.id = "a";
  fresh.hook.received = at(1000);
  take(job_accepted{fresh, nullptr});
  take(clone_settled{std::nullopt, job_status::failed,
                     error{error_kind::clone_failed, "no"}},
       400);
  EXPECT_EQ(record_.finished, at(1000));
}

// Goal: a step goes on although the clock is set. Where it was days ahead when
// the attempt ended, the time of the next one alone has the step stand still.
TEST_F(EventTest, KnowsWhenThePauseBeforeAnAttemptBegan) {
  job fresh;
  fresh.id = "a";
  take(job_accepted{fresh, nullptr});
  take(clone_attempt_begun{begun(1)});
  take(clone_attempt_ended{ended(1), at(30)}, 7);
  EXPECT_EQ(record_.clone.next_attempt, at(30));
  EXPECT_EQ(record_.clone.pause_begun, at(7));
  take(clone_succeeded{ended(2), "uid", nullptr, {"x"}});
  take(step_begun{sub_action_at(0), begun(1)});
  take(step_ended{sub_action_at(0), ended(1), sub_status::retrying, nullptr,
                  std::nullopt, at(90)},
       60);
  EXPECT_EQ(record_.sub_actions[0].next_attempt, at(90));
  EXPECT_EQ(record_.sub_actions[0].pause_begun, at(60));
}

TEST_F(EventTest, IsNotClonedAgainOnceItsUidIsKnown) {
  accept_and_clone();
  EXPECT_TRUE(take(job_finished{job_status::failed}));
  EXPECT_FALSE(take(clone_reopened{}));
}

TEST_F(EventTest, AddsStepsOnce) {
  accept_and_clone();
  const steps_added undoing{step_kind::compensation, {"share", "clone"}};
  EXPECT_TRUE(take(undoing, 5));
  EXPECT_FALSE(take(undoing, 6));
  ASSERT_EQ(record_.compensations.size(), 2u);
  EXPECT_EQ(record_.compensations[1].name, "clone");
  EXPECT_EQ(record_.compensations[1].added, at(5));
  EXPECT_TRUE(record_.callbacks.empty());
}

TEST_F(EventTest, IsTakenUpByACompensationButNotByACallback) {
  accept_and_clone();
  take(steps_added{step_kind::compensation, {"share"}});
  take(steps_added{step_kind::callback, {"failed"}});
  EXPECT_TRUE(take(job_finished{job_status::failed}));
  EXPECT_TRUE(take(step_begun{{step_kind::callback, 0}, begun(1)}));
  EXPECT_EQ(record_.status, job_status::failed);
  EXPECT_TRUE(record_.finished);
  EXPECT_EQ(record_.callbacks[0].status, sub_status::running);
  EXPECT_TRUE(take(step_begun{{step_kind::compensation, 0}, begun(1)}));
  EXPECT_EQ(record_.status, job_status::running);
  EXPECT_EQ(record_.sub_actions[0].attempts.size(), 0u);
}

TEST_F(EventTest, CountsNoRecoveryAfterWhichItWasHandedBack) {
  accept_and_clone();
  EXPECT_FALSE(take(job_handed_back{}));
  EXPECT_TRUE(take(job_recovered{}, 5));
  EXPECT_TRUE(take(job_handed_back{}));
  EXPECT_FALSE(take(job_handed_back{}));
  EXPECT_EQ(record_.recoveries, 0u);
}

TEST_F(EventTest, CountsRecoveriesUntilItGetsFurther) {
  accept_and_clone();
  EXPECT_TRUE(take(job_recovered{}, 5));
  EXPECT_FALSE(take(job_recovered{}, 5));
  EXPECT_TRUE(take(job_recovered{}, 6));
  EXPECT_TRUE(take(sender_replied{200, true}));
  EXPECT_FALSE(take(sender_replied{200, true}));
  EXPECT_EQ(record_.recoveries, 2u);
  EXPECT_FALSE(take(clone_attempt_begun{begun(1)}));
  EXPECT_EQ(record_.recoveries, 2u) << "a repetition is not progress";
  EXPECT_TRUE(take(step_begun{sub_action_at(0), begun(1)}));
  EXPECT_EQ(record_.recoveries, 2u) << "it may be what ends the process";
  EXPECT_TRUE(end(0, 1, sub_status::succeeded));
  EXPECT_EQ(record_.recoveries, 0u);
}

TEST_F(EventTest, CountsOnlyAttemptsThatEndedAndCount) {
  accept_and_clone();
  const auto try_once = [&](std::uint32_t number, bool counted) {
    take(step_begun{sub_action_at(0), begun(number)});
    auto made = ended(number);
    made.counted = counted;
    take(step_ended{sub_action_at(0), made, sub_status::retrying, nullptr,
                    std::nullopt, std::nullopt});
  };
  try_once(1, true);
  try_once(2, false);
  try_once(3, true);
  take(step_begun{sub_action_at(0), begun(4)});
  EXPECT_EQ(record_.sub_actions[0].counted, 2u);
  EXPECT_EQ(next_attempt_number(record_.sub_actions[0].attempts), 5u);
  EXPECT_EQ(next_attempt_number({}), 1u);
}

TEST_F(EventTest, KeepsTheFirstAttemptsAndTheLastOnes) {
  accept_and_clone();
  for (std::uint32_t number = 1; number <= 100; ++number) {
    take(step_begun{sub_action_at(0), begun(number)});
    take(step_ended{sub_action_at(0), ended(number), sub_status::retrying,
                    nullptr, std::nullopt, std::nullopt});
  }
  const auto& kept = record_.sub_actions[0].attempts;
  ASSERT_EQ(kept.size(), first_attempts_kept + last_attempts_kept);
  EXPECT_EQ(kept[4].number, 5u);
  EXPECT_EQ(kept[5].number, 81u);
  EXPECT_EQ(kept.back().number, 100u);
  EXPECT_EQ(record_.sub_actions[0].counted, 100u);
  EXPECT_FALSE(
    take(step_ended{sub_action_at(0), ended(50), sub_status::retrying, nullptr,
                    std::nullopt, std::nullopt}))
    << "one that is no longer kept is not taken for a new one";
}

TEST_F(EventTest, EndsAnAttemptThatItsSettledStepWillNotHearOf) {
  accept_and_clone();
  take(step_begun{sub_action_at(0), begun(1)});
  take(step_settled{sub_action_at(0), sub_status::failed,
                    error{error_kind::quarantined, "why"}});
  const auto& last = record_.sub_actions[0].attempts.back();
  EXPECT_TRUE(last.ended);
  EXPECT_FALSE(last.counted);
  ASSERT_TRUE(last.failure);
  EXPECT_EQ(last.failure->kind, error_kind::quarantined);
}

// A step that is tried again was attempted before, and must not be skipped.
TEST_F(EventTest, LetsOnlyWhatWasNeverAttemptedWaitAgain) {
  accept_and_clone();
  take(step_begun{sub_action_at(0), begun(1)});
  end(0, 1, sub_status::failed);
  take(step_settled{sub_action_at(1), sub_status::skipped, std::nullopt});
  for (const std::size_t index : {0u, 1u})
    EXPECT_TRUE(take(
      step_settled{sub_action_at(index), sub_status::waiting, std::nullopt}));
  EXPECT_EQ(status_of(0), sub_status::retrying);
  EXPECT_EQ(record_.sub_actions[0].counted, 0u);
  EXPECT_EQ(status_of(1), sub_status::waiting);
}

TEST_F(EventTest, NumbersSuccessesInTheOrderOfTheirEvents) {
  accept_and_clone();
  for (const std::size_t index : {1u, 0u}) {
    take(step_begun{sub_action_at(index), begun(1)});
    end(index, 1, sub_status::succeeded);
  }
  EXPECT_EQ(record_.sub_actions[1].success, 1u);
  EXPECT_EQ(record_.sub_actions[0].success, 2u);
}

TEST_F(EventTest, TakesACancelBackWithARetryOnly) {
  accept_and_clone();
  EXPECT_TRUE(take(cancel_requested{}));
  EXPECT_FALSE(take(cancel_requested{}));
  take(step_settled{sub_action_at(0), sub_status::cancelled, std::nullopt});
  EXPECT_TRUE(record_.cancel_requested);
  take(step_settled{sub_action_at(0), sub_status::waiting, std::nullopt});
  EXPECT_FALSE(record_.cancel_requested);
}

TEST_F(EventTest, TakesACancelBackWhereWhatItStoppedUndoingIsRetried) {
  accept_and_clone();
  take(steps_added{step_kind::compensation, {"a"}});
  const step_ref undo{step_kind::compensation, 0};
  take(cancel_requested{});
  take(step_settled{undo, sub_status::cancelled, std::nullopt});
  take(step_settled{undo, sub_status::waiting, std::nullopt});
  EXPECT_FALSE(record_.cancel_requested);
}

// An innocent job that waits must not be set aside for the crashes of others,
// and one that crashes after a wait must be.
TEST_F(EventTest, DoesNotCountAStartAfterWhichItOnlyWaits) {
  accept_and_clone();
  take(job_recovered{}, 5);
  EXPECT_TRUE(take(job_rested{}));
  EXPECT_FALSE(take(job_rested{}));
  EXPECT_EQ(record_.recoveries, 0u);
  take(step_begun{sub_action_at(0), begun(1)});
  EXPECT_EQ(record_.recoveries, 1u) << "it may be what ends the process";
  auto cut_short = ended(1);
  cut_short.counted = false;
  take(step_ended{sub_action_at(0), cut_short, sub_status::retrying, nullptr,
                  std::nullopt, std::nullopt});
  EXPECT_EQ(record_.recoveries, 1u) << "an attempt cut short is not progress";
  take(job_recovered{}, 6);
  EXPECT_EQ(record_.recoveries, 2u);
}

TEST_F(EventTest, FollowsAnotherDefinitionAndKeepsWhatSucceeded) {
  accept_and_clone();
  take(step_begun{sub_action_at(0), begun(1)});
  end(0, 1, sub_status::succeeded);
  take(step_begun{sub_action_at(1), begun(1)});
  end(1, 1, sub_status::failed);
  const auto succeeded = record_.sub_actions[0].name;
  const auto failed = record_.sub_actions[1].name;
  EXPECT_TRUE(take(definition_changed{"other", nullptr, {"new", failed}}));
  EXPECT_FALSE(take(definition_changed{"other", nullptr, {"new", failed}}));
  EXPECT_EQ(record_.flow_version, "other");
  ASSERT_GE(record_.sub_actions.size(), 3u);
  EXPECT_EQ(record_.sub_actions[0].name, "new");
  EXPECT_EQ(status_of(0), sub_status::waiting);
  EXPECT_EQ(record_.sub_actions[1].name, failed);
  EXPECT_EQ(status_of(1), sub_status::failed);
  EXPECT_EQ(record_.sub_actions.back().name, succeeded);
}

} // namespace handoff
