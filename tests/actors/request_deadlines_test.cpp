#include "actors/ask.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace handoff::test {
namespace {

/// Answers when it is told to, if ever.
using silent_actor =
  caf::typed_actor<caf::replies_to<find_atom>::with<std::uint64_t>,
                   caf::reacts_to<again_atom>>;

struct silent_state {
  std::vector<caf::typed_response_promise<std::uint64_t>> asked;
};

silent_actor::behavior_type
silent(silent_actor::stateful_pointer<silent_state> self) {
  return {
    [self](find_atom) {
      self->state.asked.push_back(self->make_response_promise<std::uint64_t>());
      return self->state.asked.back();
    },
    [self](again_atom) {
      for (auto& each : std::exchange(self->state.asked, {}))
        each.deliver(std::uint64_t{7});
    },
  };
}

/// What came of the questions of one actor.
struct outcome {
  std::vector<std::uint64_t> answers;
  std::vector<caf::error> errors;
};

using asking_actor = caf::typed_actor<caf::reacts_to<again_atom>>;

asking_actor::behavior_type asking(asking_actor::pointer self,
                                   environment_ptr env, silent_actor whom,
                                   milliseconds patience, outcome* seen) {
  return {
    [=](again_atom) {
      ask(self, *env, whom, patience, find_atom::value)
        .then([seen](std::uint64_t answer) { seen->answers.push_back(answer); },
              [seen](const caf::error& why) { seen->errors.push_back(why); });
    },
  };
}

class RequestDeadlinesTest : public ActorTest {
protected:
  void SetUp() override {
    start();
    whom_ = system->spawn(silent);
  }

  void TearDown() override {
    for (const auto& each : who_)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(whom_, caf::exit_reason::user_shutdown);
    run_for(1ms);
    who_.clear();
    whom_ = nullptr;
  }

  asking_actor asks_for(milliseconds patience) {
    const auto env = std::make_shared<const environment>(options);
    who_.push_back(system->spawn(asking, env, whom_, patience, &seen_));
    caf::anon_send(who_.back(), again_atom::value);
    run_for(1ms);
    return who_.back();
  }

  void let_answer() {
    caf::anon_send(whom_, again_atom::value);
    run_for(1ms);
  }

  std::size_t waiting() const { return options.deadlines->size(); }

  silent_actor whom_;
  std::vector<asking_actor> who_;
  outcome seen_;
};

TEST_F(RequestDeadlinesTest, EndsARequestThatNobodyAnswers) {
  asks_for(3s);
  run_for(2'990ms);
  EXPECT_TRUE(seen_.errors.empty()) << "never before its time";
  run_for(1'020ms);
  ASSERT_EQ(seen_.errors.size(), 1u) << "at most a turn after it";
  EXPECT_EQ(seen_.errors.front(), caf::sec::request_timeout);
  EXPECT_EQ(waiting(), 0u);
  let_answer();
  EXPECT_TRUE(seen_.answers.empty())
    << "an answer that comes later is nobody's";
}

TEST_F(RequestDeadlinesTest, GoesWithTheAnswer) {
  asks_for(3s);
  EXPECT_EQ(waiting(), 1u);
  let_answer();
  EXPECT_EQ(seen_.answers, std::vector<std::uint64_t>{7});
  EXPECT_EQ(waiting(), 0u);
  run_for(10s);
  EXPECT_TRUE(seen_.errors.empty());
}

TEST_F(RequestDeadlinesTest, GoesWithWhoAsked) {
  const auto who = asks_for(3s);
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
  run_for(1ms);
  EXPECT_EQ(waiting(), 0u);
  run_for(10s);
  EXPECT_TRUE(seen_.errors.empty());
}

TEST_F(RequestDeadlinesTest, TellsTheEndOfWhoWasAskedAtOnce) {
  asks_for(3s);
  caf::anon_send_exit(whom_, caf::exit_reason::user_shutdown);
  run_for(1ms);
  asks_for(3s);
  EXPECT_EQ(seen_.errors.size(), 1u) << "a promise of the dead is not bounced";
  EXPECT_EQ(waiting(), 1u);
  run_for(5s);
  EXPECT_EQ(seen_.errors.size(), 2u) << "but has its deadline";
}

TEST_F(RequestDeadlinesTest, EndsEachOfManyInItsTurn) {
  for (const auto patience : {70s, 1s, 200s, 3s, 65s})
    asks_for(patience);
  const auto expect_ended = [this](milliseconds after, std::size_t count) {
    run_for(after - now());
    EXPECT_EQ(seen_.errors.size(), count) << "after " << after.count() << " ms";
    EXPECT_EQ(waiting(), 5 - count);
  };
  expect_ended(900ms, 0);
  expect_ended(2'100ms, 1);
  expect_ended(2'900ms, 1);
  expect_ended(4'100ms, 2);
  expect_ended(64'900ms, 2);
  expect_ended(66'200ms, 3);
  expect_ended(69'900ms, 3);
  expect_ended(71'200ms, 4);
  expect_ended(199'900ms, 4);
  expect_ended(201'200ms, 5);
}

TEST_F(RequestDeadlinesTest, BeginsItsTurnsAnewAfterARest) {
  asks_for(1s);
  run_for(10s);
  EXPECT_EQ(seen_.errors.size(), 1u);
  asks_for(1s);
  run_for(2'010ms);
  EXPECT_EQ(seen_.errors.size(), 2u);
}

TEST(RequestDeadlinesStartTest, TurnsForWhoCameBeforeAnyoneTurns) {
  const auto deadlines = std::make_shared<request_deadlines>();
  int begun = 0;
  const auto begin = [&] {
    ++begun;
  };
  {
    const auto early = deadlines->add({}, {}, request_deadlines::time_point{});
    deadlines->on_first(begin);
    EXPECT_EQ(begun, 1);
  }
  const auto idle = std::make_shared<request_deadlines>();
  idle->on_first(begin);
  EXPECT_EQ(begun, 1) << "nothing waits";
}

} // namespace
} // namespace handoff::test
