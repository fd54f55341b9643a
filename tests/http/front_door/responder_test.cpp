#include "http/front_door/reply_outbox.hpp"
#include "http/front_door/responder.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using std::chrono::seconds;

class ResponderTest : public testing::Test {
protected:
  reply say(int status) { return {status, {}, "said"}; }

  // The statuses of the answers that reached the worker.
  std::vector<int> answers() {
    std::vector<int> made;
    for (auto& item : outbox_->drain()) {
      EXPECT_EQ(item.connection, 7u);
      EXPECT_EQ(item.request, 3u);
      if (auto* given = std::get_if<answer_given>(&item.what))
        made.push_back(given->what.status);
      else if (auto* call = std::get_if<call_wanted>(&item.what))
        call->run();
    }
    return made;
  }

  void listen() {
    held_->on_outcome(
      [this](const reply_outcome& what) { told_.push_back(what); });
  }

  std::shared_ptr<reply_outbox> outbox_ = std::make_shared<reply_outbox>();
  std::shared_ptr<reply_slot> slot_ =
    std::make_shared<reply_slot>(outbox_, 7, 3);
  responder_ptr held_ = std::make_shared<held_reply>(slot_);
  std::vector<reply_outcome> told_;
  responder::time_point start_{};
};

TEST_F(ResponderTest, AnswersOnce) {
  EXPECT_TRUE(held_->answer(say(200)));
  EXPECT_FALSE(held_->answer(say(201)));
  held_.reset();
  EXPECT_EQ(answers(), std::vector{200});
}

TEST_F(ResponderTest, Answers500WhenDropped) {
  held_.reset();
  EXPECT_EQ(answers(), std::vector{500});
}

TEST_F(ResponderTest, AnswersTheFallbackWhenDropped) {
  held_->answer_by(start_ + seconds(9), say(202));
  held_.reset();
  EXPECT_EQ(answers(), std::vector{202});
}

TEST_F(ResponderTest, AnswersTheFallbackAtTheDeadline) {
  held_->answer_by(start_ + seconds(5), say(202));
  held_->answer_by(start_ + seconds(9), say(203));
  EXPECT_EQ(slot_->due(), start_ + seconds(9));
  EXPECT_FALSE(slot_->expire(start_ + seconds(8)));
  const auto fallback = slot_->expire(start_ + seconds(9));
  ASSERT_TRUE(fallback);
  EXPECT_EQ(fallback->status, 203);
  EXPECT_FALSE(slot_->expire(start_ + seconds(9)));
  EXPECT_FALSE(held_->answer(say(200)));
  held_.reset();
  EXPECT_TRUE(answers().empty());
}

TEST_F(ResponderTest, ForgetsTheDeadlineOnceAnswered) {
  held_->answer_by(start_ + seconds(5), say(202));
  EXPECT_TRUE(held_->answer(say(200)));
  held_->answer_by(start_ + seconds(6), say(203));
  EXPECT_FALSE(slot_->due());
  EXPECT_FALSE(slot_->expire(start_ + seconds(9)));
  EXPECT_EQ(answers(), std::vector{200});
}

TEST_F(ResponderTest, CannotAnswerASenderThatIsGone) {
  listen();
  slot_->end({0, false});
  EXPECT_FALSE(held_->answer(say(200)));
  held_.reset();
  EXPECT_TRUE(answers().empty());
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].status, 0);
  EXPECT_FALSE(told_[0].written);
}

TEST_F(ResponderTest, TellsTheOutcomeOnce) {
  listen();
  held_->answer(say(200));
  slot_->end({200, true});
  slot_->end({0, false});
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(told_[0].written);
}

TEST_F(ResponderTest, TellsTheOutcomeAfterTheFactOnTheWorker) {
  slot_->end({200, true});
  listen();
  EXPECT_TRUE(told_.empty());
  answers();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].status, 200);
}

TEST_F(ResponderTest, SurvivesAListenerThatThrows) {
  held_->on_outcome(
    [](const reply_outcome&) { throw std::runtime_error("x"); });
  slot_->end({200, true});
  held_->on_outcome([](const reply_outcome&) { throw 1; });
  answers();
}

TEST_F(ResponderTest, IsHarmlessWhenTheFrontDoorIsGone) {
  slot_->end({0, false});
  outbox_->close();
  EXPECT_FALSE(held_->answer(say(200)));
  held_->answer_by(start_, say(202));
  listen();
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(ResponderTest, LetsOneOfManyThreadsAnswer) {
  for (int round = 0; round < 200; ++round) {
    slot_ = std::make_shared<reply_slot>(outbox_, 7, 3);
    auto held = std::make_shared<held_reply>(slot_);
    held->answer_by(start_, say(202));
    std::atomic<int> given = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&, held] { given += held->answer(say(200)); });
    threads.emplace_back(
      [&, slot = slot_] { given += slot->expire(start_).has_value(); });
    held.reset();
    for (auto& thread : threads)
      thread.join();
    EXPECT_EQ(given, 1);
    answers();
  }
}

// The last reference goes at the very moment of the deadline.
TEST_F(ResponderTest, AnswersWhenItIsDroppedAtTheDeadline) {
  held_.reset();
  answers();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    constexpr std::size_t many = 2'000;
    std::vector<std::shared_ptr<reply_slot>> slots;
    std::vector<std::shared_ptr<held_reply>> holders;
    for (std::size_t i = 0; i < many; ++i) {
      slots.push_back(std::make_shared<reply_slot>(outbox_, 7, 3));
      holders.push_back(std::make_shared<held_reply>(slots.back()));
      holders.back()->answer_by(start_, say(202));
    }
    std::atomic<std::size_t> at = 0;
    std::size_t expired = 0;
    std::thread worker([&] {
      // Where the other one is, again and again: so it is met in the middle.
      for (std::size_t i = 0; i < many; i = at)
        expired += slots[i]->expire(start_).has_value() ? 1 : 0;
    });
    for (; at < many; ++at)
      holders[at].reset();
    worker.join();
    ASSERT_EQ(answers().size() + expired, many) << "in round " << round;
  }
}

} // namespace
} // namespace handoff
