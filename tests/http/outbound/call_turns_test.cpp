#include "http/outbound/call_turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using namespace std::chrono_literals;

constexpr const char* host = "http://a:80";

class CallTurnsTest : public testing::Test {
protected:
  using answer = std::variant<turn_ptr, turn_ticket_ptr>;

  void limit(std::size_t max_calls) {
    governor_options options;
    options.max_calls = max_calls;
    turns_ = std::make_shared<call_turns>(options);
  }

  answer ask(std::function<void(turn_ptr)> granted) {
    return turns_->ask({host, call_class::clone, "job"}, std::move(granted));
  }

  turn_ptr take() {
    auto asked = ask([](const turn_ptr&) { ADD_FAILURE() << "it was free"; });
    EXPECT_TRUE(std::holds_alternative<turn_ptr>(asked));
    return std::get<turn_ptr>(std::move(asked));
  }

  turn_ticket_ptr wait(std::function<void(turn_ptr)> granted) {
    auto asked = ask(std::move(granted));
    EXPECT_TRUE(std::holds_alternative<turn_ticket_ptr>(asked));
    return std::get<turn_ticket_ptr>(std::move(asked));
  }

  std::size_t in_flight() const { return turns_->counts().at(0).in_flight; }

  std::shared_ptr<call_turns> turns_;
};

TEST_F(CallTurnsTest, GrantsAtOnceWhereThereIsRoom) {
  limit(2);
  const auto first = take();
  const auto second = take();
  EXPECT_EQ(in_flight(), 2U);
  EXPECT_EQ(turns_->tick(std::chrono::steady_clock::now()), std::nullopt);
}

TEST_F(CallTurnsTest, GrantsWhenATurnIsGivenBack) {
  limit(1);
  auto held = take();
  turn_ptr granted;
  const auto ticket = wait([&](turn_ptr turn) { granted = std::move(turn); });
  EXPECT_EQ(turns_->obstacle(host, call_class::clone)->why,
            turn_obstacle::reason::calls);
  held.reset();
  EXPECT_NE(granted, nullptr);
  EXPECT_EQ(in_flight(), 1U);
  EXPECT_EQ(turns_->obstacle(host, call_class::clone), std::nullopt);
}

TEST_F(CallTurnsTest, GivesATurnBackOnce) {
  limit(2);
  const auto held = take();
  const auto other = take();
  auto& governed = dynamic_cast<governed_turn&>(*held);
  governed.finished(call_outcome::failure);
  governed.finished(call_outcome::failure);
  EXPECT_EQ(in_flight(), 1U);
  EXPECT_EQ(turns_->counts().at(0).failures, 1U);
}

TEST_F(CallTurnsTest, PassesOverWhoHasGone) {
  limit(1);
  auto held = take();
  auto gone = wait([](const turn_ptr&) { FAIL() << "it was withdrawn"; });
  turn_ptr granted;
  const auto next = wait([&](turn_ptr turn) { granted = std::move(turn); });
  gone.reset();
  held.reset();
  EXPECT_NE(granted, nullptr);
}

TEST_F(CallTurnsTest, LetsTheTicketGoWhileItIsGranted) {
  limit(1);
  auto held = take();
  turn_ticket_ptr ticket;
  int granted = 0;
  ticket = wait([&](const turn_ptr&) {
    ticket.reset();
    ++granted;
  });
  held.reset();
  EXPECT_EQ(granted, 1);
  EXPECT_EQ(in_flight(), 0U);
}

// Each that is granted drops its turn at once, upon which comes the next.
TEST_F(CallTurnsTest, BearsALongLineOfTurnsThatNobodyWants) {
  limit(1);
  auto held = take();
  int granted = 0;
  std::vector<turn_ticket_ptr> line;
  for (int i = 0; i < 100'000; ++i)
    line.push_back(wait([&](const turn_ptr&) { ++granted; }));
  held.reset();
  EXPECT_EQ(granted, 100'000);
}

TEST_F(CallTurnsTest, WakesTheLoopOnlyForATime) {
  limit(1);
  const auto is_woken = [&] {
    std::uint64_t count = 0;
    return ::read(turns_->wakeup(), &count, sizeof(count)) > 0;
  };
  auto held = take();
  const auto ticket = wait([](const turn_ptr&) {});
  EXPECT_FALSE(is_woken());
  turns_->pause(host, 10s);
  held.reset();
  EXPECT_TRUE(is_woken());
  const auto now = std::chrono::steady_clock::now();
  const auto due = turns_->tick(now);
  ASSERT_TRUE(due.has_value());
  EXPECT_GT(*due, now + 5s);
  const auto another = wait([](const turn_ptr&) {});
  EXPECT_FALSE(is_woken()) << "it knows of that time";
}

TEST_F(CallTurnsTest, GivesNoTurnOnceItIsClosed) {
  limit(1);
  auto held = take();
  const auto ticket = wait([](const turn_ptr&) { FAIL() << "is closed"; });
  turns_->close();
  held.reset();
  EXPECT_EQ(in_flight(), 0U);
}

// Goal: no interleaving of threads grants a withdrawn ticket, loses a turn or
// gives more than there are. Method: threads that ask, wait, withdraw and give
// back, as quickly as they can.
TEST_F(CallTurnsTest, GrantsNobodyWhoHasGoneWhateverThreadsDo) {
  constexpr int threads = 4;
  constexpr int rounds = 5'000;
  limit(2);
  std::atomic<int> held{0};
  std::atomic<int> wrong{0};
  const auto work = [&](int which) {
    for (int round = 0; round < rounds; ++round) {
      std::atomic<bool> gone{false};
      const auto use = [&](turn_ptr turn) {
        if (gone || ++held > 2)
          ++wrong;
        --held;
        turn.reset();
      };
      auto asked = ask(use);
      if (auto* turn = std::get_if<turn_ptr>(&asked)) {
        use(std::move(*turn));
        continue;
      }
      auto ticket = std::get<turn_ticket_ptr>(std::move(asked));
      if ((round + which) % 3 == 0)
        std::this_thread::yield();
      ticket.reset();
      gone = true;
    }
  };
  std::vector<std::thread> all;
  for (int which = 0; which < threads; ++which)
    all.emplace_back(work, which);
  for (auto& each : all)
    each.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(in_flight(), 0U);
  EXPECT_EQ(turns_->counts().at(0).waiting, 0U);
}

} // namespace
} // namespace handoff
