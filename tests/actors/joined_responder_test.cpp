#include "actors/joined_responder.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <gmock/gmock.h>

namespace handoff::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class JoinedResponderTest : public ::testing::Test {
protected:
  static reply numbered(int status) { return {status, {}, {}}; }

  void join(bool respond_async = false) {
    joined.join(second, now, due, {respond_async, {}});
  }

  const responder::time_point due{1s};
  std::shared_ptr<fake_responder> first = std::make_shared<fake_responder>();
  std::shared_ptr<fake_responder> second = std::make_shared<fake_responder>();
  responder::time_point now{0s};
  joined_responder joined{first, due, {}};
};

TEST_F(JoinedResponderTest, GivesAllTheSameAnswer) {
  join();
  EXPECT_TRUE(joined.answer(numbered(200)));
  EXPECT_THAT(first->given, SizeIs(1));
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 200);
}

TEST_F(JoinedResponderTest, AnswersOnce) {
  EXPECT_TRUE(joined.answer(numbered(200)));
  EXPECT_FALSE(joined.answer(numbered(502)));
  EXPECT_THAT(first->given, SizeIs(1));
}

TEST_F(JoinedResponderTest, AnswersAtOnceWhoComesAfterTheAnswer) {
  joined.answer(numbered(200));
  join();
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 200);
}

TEST_F(JoinedResponderTest, PromisesNothingBeforeTheJobIsJournaled) {
  join(true);
  EXPECT_THAT(second->given, IsEmpty());
  EXPECT_FALSE(second->fallback);
}

TEST_F(JoinedResponderTest, TellsEachOfTheJobOnceItIsJournaled) {
  join(true);
  joined.answer_by(due, numbered(202));
  EXPECT_TRUE(first->fallback);
  EXPECT_THAT(first->given, IsEmpty());
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 202);
}

TEST_F(JoinedResponderTest, TellsWhoComesLaterOfTheJob) {
  joined.answer_by(due, numbered(202));
  join();
  EXPECT_THAT(second->given, IsEmpty());
  ASSERT_TRUE(second->fallback);
  EXPECT_EQ(second->fallback->status, 202);
}

TEST_F(JoinedResponderTest, AnswersAtOnceOnceTheFirstSenderWasToldOfTheJob) {
  joined.answer_by(due, numbered(202));
  now = due;
  join();
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 202);
  EXPECT_NE(find_header(second->given[0].headers, "Idempotency-Replayed"),
            nullptr);
}

TEST_F(JoinedResponderTest, TellsEachWhatWasAppliedOfItsOwnPreference) {
  joined.join(second, now, due, {true, "respond-async"});
  joined.answer_by(due, {202, {{"Preference-Applied", "wait=1"}}, {}});
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(*find_header(second->given[0].headers, "Preference-Applied"),
            "respond-async");
  ASSERT_TRUE(first->fallback);
  EXPECT_EQ(find_header(first->fallback->headers, "Preference-Applied"),
            nullptr);
}

TEST_F(JoinedResponderTest, KeepsNoMoreThanItsLimitWaiting) {
  for (std::size_t i = 1; i < joined_responder::senders_max; ++i)
    join();
  EXPECT_THAT(second->given, IsEmpty());
  join();
  ASSERT_THAT(second->given, SizeIs(1));
  EXPECT_EQ(second->given[0].status, 503) << "nothing can be promised yet";
  joined.answer_by(due, numbered(202));
  join();
  ASSERT_THAT(second->given, SizeIs(2));
  EXPECT_EQ(second->given[1].status, 202);
}

} // namespace
} // namespace handoff::test
