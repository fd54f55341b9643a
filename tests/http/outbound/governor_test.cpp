#include "http/outbound/governor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using ids = std::vector<std::uint64_t>;

/// A governor in virtual time, with verbs for what comes to it.
class GovernorTest : public testing::Test {
protected:
  void govern(governor_options options) { governor_.emplace(options); }

  void ask(std::uint64_t id, call_class purpose, std::string_view job = "job",
           std::string_view host = "http://a:80") {
    governor_->submit(id, host, purpose, job, now_);
  }

  void ask_clone(std::uint64_t id, std::string_view job = "job") {
    ask(id, call_class::clone, job);
  }

  void ask_sub_action(std::uint64_t id, std::string_view job = "job") {
    ask(id, call_class::sub_action, job);
  }

  bool withdraw(std::uint64_t id) { return governor_->withdraw(id, now_); }

  void pause(std::chrono::steady_clock::duration time) {
    governor_->pause("http://a:80", now_ + time, now_);
  }

  std::optional<turn_obstacle> obstacle(call_class purpose) const {
    return governor_->obstacle("http://a:80", purpose, now_);
  }

  ids ready() { return governor_->take_ready(now_); }

  void succeed(std::uint64_t id) {
    governor_->finished(id, call_outcome::success, now_);
  }

  void fail(std::uint64_t id) {
    governor_->finished(id, call_outcome::failure, now_);
  }

  void pass(std::chrono::steady_clock::duration time) { now_ += time; }

  std::optional<governor::time_point> wakeup() const {
    return governor_->next_wakeup();
  }

  std::string breaker() const { return governor_->counts().at(0).breaker; }

  /// Lets calls fail until the breaker is open (of three failures).
  void open_breaker() {
    for (std::uint64_t id = 901; id <= 903; ++id) {
      ask_sub_action(id);
      ready();
      fail(id);
    }
  }

  std::optional<governor> governor_;
  governor::time_point now_{1h};
};

governor_options limits(std::size_t max_calls, double reserved = 0) {
  governor_options options;
  options.max_calls = max_calls;
  options.reserved_for_clones = reserved;
  return options;
}

governor_options breaker_of_three() {
  auto options = limits(10);
  options.breaker_failures = 3;
  options.breaker_open = 5s;
  return options;
}

TEST_F(GovernorTest, StartsNoMoreThanItsLimit) {
  govern(limits(2));
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  EXPECT_THAT(ready(), ElementsAre(1, 2));
  EXPECT_THAT(ready(), IsEmpty());
  succeed(1);
  EXPECT_THAT(ready(), ElementsAre(3));
}

TEST_F(GovernorTest, PutsOffWhatHasNoPlace) {
  govern(limits(2));
  ask_clone(1);
  ask_clone(2);
  ask(3, call_class::clone, "job", "http://b:80");
  std::size_t places = 1;
  const auto has_place = [&] {
    return places > 0 && places-- > 0;
  };
  EXPECT_THAT(governor_->take_ready(now_, has_place), ElementsAre(1));
  EXPECT_THAT(governor_->take_ready(now_, has_place), IsEmpty());
  for (const auto& host : governor_->counts()) {
    EXPECT_EQ(host.waiting, 1U) << host.host;
    EXPECT_EQ(host.put_off, 1U) << "each call counts once";
    EXPECT_EQ(host.failures, 0U);
  }
  places = 1;
  EXPECT_THAT(governor_->take_ready(now_, has_place), SizeIs(1));
  places = 1;
  EXPECT_THAT(governor_->take_ready(now_, has_place), SizeIs(1));
  EXPECT_EQ(governor_->waiting(), 0U);
}

TEST_F(GovernorTest, DoesNotWakeForWhatIsPutOff) {
  govern(limits(1));
  ask_clone(1);
  EXPECT_THAT(governor_->take_ready(now_, [] { return false; }), IsEmpty());
  EXPECT_EQ(wakeup(), std::nullopt);
  EXPECT_TRUE(governor_->puts_off());
  EXPECT_EQ(obstacle(call_class::clone)->why,
            turn_obstacle::reason::descriptors);
  EXPECT_TRUE(withdraw(1));
  EXPECT_THAT(ready(), IsEmpty());
  ask_clone(2);
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, LimitsEachHostOnItsOwn) {
  govern(limits(1));
  ask(1, call_class::clone, "job", "http://a:80");
  ask(2, call_class::clone, "job", "http://b:80");
  EXPECT_THAT(ready(), ElementsAre(1, 2));
}

TEST_F(GovernorTest, KeepsTheReservedShareForClones) {
  govern(limits(4, 0.5));
  for (auto id : {1U, 2U, 3U})
    ask_sub_action(id);
  EXPECT_THAT(ready(), ElementsAre(1, 2));
  ask_clone(4);
  ask_clone(5);
  ask_clone(6);
  EXPECT_THAT(ready(), ElementsAre(4, 5));
}

TEST_F(GovernorTest, HasItsPartOfWhatIsSharedOnceItIsUsable) {
  govern(limits(5));
  auto own = limits(3);
  own.shared = false;
  governor_->set_limits({{"own", own}}, now_);
  governor_->set_share({1, 2, false}, now_);
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  ask(4, call_class::clone, "job", "own");
  EXPECT_THAT(ready(), ElementsAre(4)) << "it has that to itself";
  governor_->set_share({1, 2, true}, now_);
  EXPECT_THAT(ready(), ElementsAre(1, 2));
}

TEST_F(GovernorTest, TellsWhetherItHasGivenUpWhatIsNotItsPart) {
  govern(limits(4));
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  EXPECT_THAT(ready(), SizeIs(3));
  EXPECT_TRUE(governor_->keeps_to_limits());
  governor_->set_share({0, 2, true}, now_);
  EXPECT_FALSE(governor_->keeps_to_limits());
  succeed(1);
  EXPECT_TRUE(governor_->keeps_to_limits());
}

// One node has used up its rate while another joins and leaves again and again.
TEST_F(GovernorTest, GainsNothingOfItsRateByOthersThatComeAndGo) {
  auto options = limits(1'000);
  options.rate = 10;
  govern(options);
  for (std::uint64_t id = 1; id <= 200; ++id)
    ask_clone(id);
  EXPECT_THAT(ready(), SizeIs(10));
  std::size_t begun = 0;
  for (int second = 0; second < 10; ++second) {
    governor_->set_share({0, second % 2 == 0 ? 2U : 1U, true}, now_);
    begun += ready().size();
    pass(1s);
    begun += ready().size();
  }
  EXPECT_EQ(begun, 5U * 5U + 5U * 10U);
}

TEST_F(GovernorTest, BeginsWithNothingOfARateThatOthersMayHaveUsedUp) {
  auto options = limits(1'000);
  options.rate = 10;
  govern(options);
  governor_->set_share({1, 2, false}, now_);
  ask_clone(1);
  pass(1min);
  EXPECT_THAT(ready(), IsEmpty());
  governor_->set_share({1, 2, true}, now_);
  ask(2, call_class::clone, "job", "new");
  EXPECT_THAT(ready(), IsEmpty());
  pass(200ms);
  EXPECT_THAT(ready(), SizeIs(2));
  pass(1min);
  for (std::uint64_t id = 11; id <= 20; ++id)
    ask(id, call_class::clone, "job", "later");
  EXPECT_THAT(ready(), SizeIs(5)) << "its part of a second";
}

TEST_F(GovernorTest, LetsClonesUseEverything) {
  govern(limits(3, 0.5));
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  EXPECT_THAT(ready(), ElementsAre(1, 2, 3));
}

TEST_F(GovernorTest, LeavesSubActionsOneCallWhateverIsReserved) {
  for (auto max_calls : {1U, 5U}) {
    govern(limits(max_calls, 1.0));
    ask_sub_action(1);
    ask_sub_action(2);
    EXPECT_THAT(ready(), ElementsAre(1));
  }
}

TEST_F(GovernorTest, BeginsWithFewSubActionsWhateverItsLimit) {
  govern(limits(20'000));
  for (std::uint64_t id = 1; id <= 2'000; ++id)
    ask_sub_action(id);
  const auto begun = ready();
  EXPECT_THAT(begun, SizeIs(256));
  for (std::uint64_t id = 2'001; id <= 3'000; ++id)
    ask_clone(id);
  EXPECT_THAT(ready(), SizeIs(1'000)) << "clones have all of it";
  pass(100ms);
  for (const auto id : begun)
    succeed(id);
  EXPECT_THAT(ready(), SizeIs(256));
  EXPECT_LE(*wakeup(), now_ + 150ms);
  pass(150ms);
  EXPECT_THAT(ready(), SizeIs(128)) << "half as many more";
}

TEST_F(GovernorTest, PrefersClonesWithoutStarvingSubActions) {
  govern(limits(1));
  ask_sub_action(100);
  for (std::uint64_t id = 1; id <= 20; ++id)
    ask_clone(id);
  ids order;
  for (auto started = ready(); !started.empty(); started = ready()) {
    order.push_back(started.at(0));
    succeed(started.at(0));
  }
  ASSERT_THAT(order, SizeIs(21));
  EXPECT_EQ(order[0], 1);
  EXPECT_EQ(order[8], 100);
}

TEST_F(GovernorTest, GivesJobsFairTurns) {
  govern(limits(1));
  for (auto id : {1U, 2U, 3U})
    ask_sub_action(id, "long");
  ask_sub_action(11, "short");
  ask_sub_action(21, "other");
  ask_sub_action(22, "other");
  ids order;
  for (auto started = ready(); !started.empty(); started = ready()) {
    order.push_back(started.at(0));
    succeed(started.at(0));
  }
  EXPECT_THAT(order, ElementsAre(1, 11, 21, 2, 22, 3));
}

TEST_F(GovernorTest, StartsAtTheRateWithASecondsBurst) {
  auto options = limits(1'000);
  options.rate = 100;
  govern(options);
  for (std::uint64_t id = 1; id <= 130; ++id)
    ask_clone(id);
  EXPECT_THAT(ready(), SizeIs(100));
  for (auto turn = 0; turn < 20; ++turn) {
    EXPECT_THAT(ready(), IsEmpty());
    ASSERT_EQ(wakeup(), now_ + 10ms) << turn;
    pass(10ms);
    EXPECT_THAT(ready(), SizeIs(1)) << turn;
  }
}

TEST_F(GovernorTest, HoldsCallsWhoseConnectionHasNoToken) {
  govern(limits(10));
  ask_clone(1);
  governor_->set_token_missing("http://a:80", true, now_);
  EXPECT_THAT(ready(), IsEmpty());
  EXPECT_EQ(wakeup(), std::nullopt);
  pass(3s);
  EXPECT_EQ(obstacle(call_class::clone),
            (turn_obstacle{turn_obstacle::reason::token, 3s}));
  governor_->set_token_missing("http://a:80", false, now_);
  EXPECT_THAT(ready(), ElementsAre(1));
}

TEST_F(GovernorTest, HasLimitsOfItsOwnForAConnection) {
  govern(limits(10));
  ask_clone(1);
  ask_clone(2);
  ask(3, call_class::clone, "job", "http://other:80");
  ask(4, call_class::clone, "job", "http://other:80");
  governor_->set_limits({{"http://a:80", limits(1)}}, now_);
  EXPECT_THAT(ready(), testing::UnorderedElementsAre(1, 3, 4));
  EXPECT_EQ(governor_->room_for_clones("http://a:80", now_).slots, 1U);
  governor_->set_limits({}, now_);
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, KeepsARateBelowOneASecond) {
  auto options = limits(10);
  options.rate = 0.3;
  govern(options);
  ask_clone(1);
  ask_clone(2);
  EXPECT_THAT(ready(), ElementsAre(1));
  now_ = *wakeup();
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, OpensTheBreakerAfterFailuresInARow) {
  govern(breaker_of_three());
  for (auto id : {1U, 2U, 3U, 4U, 5U, 6U})
    ask_sub_action(id);
  ready();
  fail(1);
  fail(2);
  succeed(3);
  fail(4);
  fail(5);
  EXPECT_EQ(breaker(), "closed");
  fail(6);
  EXPECT_EQ(breaker(), "open");
  ask_sub_action(7);
  EXPECT_THAT(ready(), IsEmpty());
  EXPECT_EQ(wakeup(), now_ + 5s);
}

// Goal: one endpoint that fails costs no sender of another flow its UID.
TEST_F(GovernorTest, LetsClonesGoWhereOnlySubActionsFail) {
  govern(breaker_of_three());
  open_breaker();
  ask_sub_action(1);
  ask_clone(2);
  ask_clone(3);
  EXPECT_THAT(ready(), ElementsAre(2, 3));
  EXPECT_EQ(breaker(), "open") << "that of the sub-actions";
  succeed(2);
  EXPECT_THAT(ready(), IsEmpty()) << "what a clone finds says nothing of them";
  EXPECT_EQ(wakeup(), now_ + 5s);
  pass(5s);
  EXPECT_THAT(ready(), ElementsAre(1));
}

TEST_F(GovernorTest, HoldsClonesBackWhereTheyFail) {
  govern(breaker_of_three());
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  ready();
  for (auto id : {1U, 2U, 3U})
    fail(id);
  ask_clone(4);
  ask_sub_action(5);
  EXPECT_THAT(ready(), ElementsAre(5));
  EXPECT_EQ(breaker(), "open");
}

TEST_F(GovernorTest, LetsOneTrialThroughAndClosesWhenItSucceeds) {
  govern(breaker_of_three());
  open_breaker();
  ask_sub_action(1);
  ask_sub_action(2);
  pass(5s);
  EXPECT_THAT(ready(), ElementsAre(1));
  EXPECT_EQ(breaker(), "half-open");
  pass(1min);
  EXPECT_THAT(ready(), IsEmpty());
  succeed(1);
  EXPECT_EQ(breaker(), "closed");
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, TellsEachStateOfABreakerOnce) {
  auto options = breaker_of_three();
  std::vector<std::string> told;
  options.breaker_changed = [&](std::string_view host, std::string_view state) {
    told.push_back(std::string{host} + " " + std::string{state});
  };
  govern(options);
  open_breaker();
  ask_sub_action(1);
  pass(5s);
  ready();
  succeed(1);
  EXPECT_THAT(told, ElementsAre("http://a:80 open", "http://a:80 half-open",
                                "http://a:80 closed"));
}

TEST_F(GovernorTest, OpensAgainWhenTheTrialFails) {
  govern(breaker_of_three());
  open_breaker();
  ask_sub_action(1);
  ask_sub_action(2);
  pass(5s);
  ready();
  fail(1);
  EXPECT_EQ(breaker(), "open");
  EXPECT_THAT(ready(), IsEmpty());
  pass(5s);
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, MakesAnotherTrialWhenOneWasGivenUp) {
  govern(breaker_of_three());
  open_breaker();
  ask_sub_action(1);
  ask_sub_action(2);
  pass(5s);
  ready();
  governor_->finished(1, call_outcome::unknown, now_);
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, IgnoresWhatStartedBeforeTheBreakerOpened) {
  govern(breaker_of_three());
  ask_sub_action(1);
  ask_sub_action(2);
  ready();
  open_breaker();
  succeed(1);
  EXPECT_EQ(breaker(), "open");
  ask_sub_action(3);
  pass(5s);
  EXPECT_THAT(ready(), ElementsAre(3));
  fail(2);
  EXPECT_EQ(breaker(), "half-open");
}

TEST_F(GovernorTest, NeverOpensABreakerOfZero) {
  auto options = limits(1);
  options.breaker_failures = 0;
  govern(options);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    ask_clone(id);
    EXPECT_THAT(ready(), ElementsAre(id));
    fail(id);
  }
}

TEST_F(GovernorTest, ForgetsWhatIsWithdrawn) {
  govern(limits(1));
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  EXPECT_THAT(ready(), ElementsAre(1));
  EXPECT_TRUE(withdraw(2));
  EXPECT_FALSE(withdraw(2));
  EXPECT_FALSE(withdraw(1)) << "it has its turn";
  succeed(1);
  EXPECT_THAT(ready(), ElementsAre(3));
  EXPECT_EQ(governor_->waiting(), 0U);
}

TEST_F(GovernorTest, TakesATurnBackThatWasNotUsed) {
  govern(breaker_of_three());
  open_breaker();
  ask_sub_action(1);
  ask_sub_action(2);
  pass(5s);
  EXPECT_THAT(ready(), ElementsAre(1));
  governor_->finished(1, call_outcome::unused, now_);
  EXPECT_THAT(ready(), ElementsAre(2)) << "is the trial now";
  EXPECT_EQ(governor_->counts().at(0).calls, 4U) << "three have failed";
}

TEST_F(GovernorTest, StartsNothingDuringAPause) {
  govern(limits(10));
  pause(30s);
  ask_clone(1);
  ask_sub_action(2);
  EXPECT_THAT(ready(), IsEmpty());
  EXPECT_EQ(wakeup(), now_ + 30s);
  pause(10s);
  pass(29s);
  EXPECT_THAT(ready(), IsEmpty()) << "a shorter one ends no longer one";
  pass(1s);
  EXPECT_THAT(ready(), ElementsAre(1));
}

TEST_F(GovernorTest, SpreadsWhatAPauseHasPiledUp) {
  govern(limits(100));
  pause(1s);
  for (std::uint64_t id = 1; id <= 300; ++id)
    ask_sub_action(id);
  pass(1s);
  EXPECT_THAT(ready(), ElementsAre(1)) << "one first";
  succeed(1);
  EXPECT_THAT(ready(), ElementsAre(2, 3));
  EXPECT_EQ(wakeup(), now_ + 250ms);
  pass(250ms);
  EXPECT_THAT(ready(), ElementsAre(4, 5));
  pass(250ms);
  EXPECT_THAT(ready(), SizeIs(4));
  pass(10s);
  EXPECT_THAT(ready(), SizeIs(92)) << "as many as ever";
}

TEST_F(GovernorTest, RemembersAPauseOfAHostThatIsNotCalled) {
  govern(limits(1));
  pause(15min);
  ready();
  pass(11min);
  ready();
  ask_clone(1);
  EXPECT_THAT(ready(), IsEmpty());
  pass(4min);
  EXPECT_THAT(ready(), ElementsAre(1));
}

TEST_F(GovernorTest, LetsNobodyFollowAtOnceWhoWasToldNotNow) {
  govern(limits(1));
  ask_clone(1);
  ask_clone(2);
  ready();
  governor_->finished(1, call_outcome::not_now, now_);
  EXPECT_THAT(ready(), IsEmpty());
  EXPECT_EQ(governor_->counts().at(0).failures, 0U);
  pause(5s);
  pass(1s);
  EXPECT_THAT(ready(), IsEmpty());
  pass(4s);
  EXPECT_THAT(ready(), ElementsAre(2));
}

TEST_F(GovernorTest, SaysWhatKeepsFromATurn) {
  using reason = turn_obstacle::reason;
  auto options = breaker_of_three();
  options.max_calls = 1;
  options.rate = 1;
  govern(options);
  EXPECT_EQ(obstacle(call_class::clone), std::nullopt);
  ask_clone(1);
  ready();
  pass(2s);
  ask_clone(2);
  ready();
  EXPECT_EQ(obstacle(call_class::sub_action), std::nullopt) << "nobody waits";
  pass(3s);
  EXPECT_EQ(obstacle(call_class::clone), (turn_obstacle{reason::calls, 3s}));
  succeed(1);
  ready();
  ask_clone(3);
  pass(250ms);
  succeed(2);
  ready();
  EXPECT_EQ(obstacle(call_class::clone),
            (turn_obstacle{reason::rate, 250ms, 750ms}));
  pause(10s);
  pass(4s);
  EXPECT_EQ(obstacle(call_class::clone),
            (turn_obstacle{reason::pause, 4s, 6s}));
  withdraw(3);
  pass(1min);
  for (std::uint64_t id = 901; id <= 903; ++id) {
    ask_sub_action(id);
    pass(10s);
    ready();
    fail(id);
  }
  ask_sub_action(4);
  pass(2s);
  ready();
  EXPECT_EQ(obstacle(call_class::sub_action),
            (turn_obstacle{reason::breaker, 2s, 3s}));
}

TEST_F(GovernorTest, ForgetsHostsThatAreIdle) {
  govern(limits(1));
  for (std::uint64_t id = 0; id < 5'000; ++id) {
    ask(id, call_class::clone, "job", "http://a" + std::to_string(id));
    ready();
    succeed(id);
    ready();
  }
  EXPECT_LE(governor_->counts().size(), 1'024U);
  pass(11min);
  ready();
  EXPECT_THAT(governor_->counts(), IsEmpty());
}

TEST_F(GovernorTest, SortsCallsByHowLongTheyTookSinceTheirTurn) {
  govern(limits(1));
  ask_clone(1);
  ask_clone(2);
  ready();
  pass(10ms);
  succeed(1);
  ready();
  pass(40s);
  fail(2);
  const auto times = governor_->counts().at(0).times;
  EXPECT_EQ(times.classes[1], 1U); // over 5 ms, up to 10 ms
  EXPECT_EQ(times.classes.back(), 1U);
  EXPECT_DOUBLE_EQ(times.sum.count(), 40.01);
}

TEST_F(GovernorTest, CountsWhatAHostIsDoing) {
  govern(limits(2));
  for (auto id : {1U, 2U, 3U})
    ask_clone(id);
  ready();
  fail(1);
  auto counts = governor_->counts().at(0);
  EXPECT_EQ(counts.host, "http://a:80");
  EXPECT_EQ(counts.in_flight, 1U);
  EXPECT_EQ(counts.waiting, 1U);
  EXPECT_EQ(counts.calls, 2U);
  EXPECT_EQ(counts.failures, 1U);
}

// Goal: no interleaving loses a call, starts it twice or breaks a limit.
// Method: random calls, withdrawals, pauses, ends and steps of time over a few
// hosts; each call must come out exactly once.
TEST_F(GovernorTest, LosesNoCallWhateverHappens) {
  auto options = limits(4, 0.5);
  options.rate = 50;
  options.breaker_failures = 2;
  options.breaker_open = 300ms;
  govern(options);
  std::mt19937 random{7};
  constexpr std::uint64_t calls = 20'000;
  std::vector<int> seen(calls, 0);
  ids running;
  std::uint64_t next = 0;
  std::size_t out = 0;
  while (out < calls) {
    for (auto more = random() % 4; more > 0 && next < calls; --more, ++next)
      ask(next, random() % 2 == 0 ? call_class::clone : call_class::sub_action,
          "job" + std::to_string(random() % 5),
          "host" + std::to_string(random() % 3));
    for (auto id : ready()) {
      running.push_back(id);
      ++seen[id];
    }
    if (next > 0 && random() % 8 == 0) {
      const auto gone = random() % next;
      if (withdraw(gone)) {
        ++seen[gone];
        ++out;
      }
    }
    if (random() % 200 == 0)
      governor_->pause("host1", now_ + 500ms, now_);
    for (const auto& host : governor_->counts())
      ASSERT_LE(host.in_flight, 4U);
    while (!running.empty() && random() % 2 == 0) {
      auto outcome = static_cast<call_outcome>(random() % 5);
      governor_->finished(running.back(), outcome, now_);
      running.pop_back();
      ++out;
    }
    pass(std::chrono::milliseconds{random() % 20});
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), calls);
  EXPECT_EQ(governor_->waiting(), 0U);
}

// 100,000 waiting calls; anything worse than n log n would time the test out.
TEST_F(GovernorTest, BearsAHundredThousandWaitingCalls) {
  govern(limits(1));
  constexpr std::uint64_t calls = 100'000;
  for (std::uint64_t id = 0; id < calls; ++id)
    ask(id, call_class::sub_action, std::to_string(id % 20'000));
  for (std::uint64_t id = 0; id < calls; id += 2)
    ASSERT_TRUE(withdraw(id));
  std::size_t started = 0;
  for (auto some = ready(); !some.empty(); some = ready()) {
    started += some.size();
    succeed(some.at(0));
  }
  EXPECT_EQ(started, calls / 2);
}

TEST(OutcomeTest, CountsOnlyAnUnwellHostAsFailure) {
  for (auto [status, outcome] : {std::pair{200, call_outcome::success},
                                 {404, call_outcome::success},
                                 {429, call_outcome::not_now},
                                 {500, call_outcome::success},
                                 {502, call_outcome::failure},
                                 {503, call_outcome::failure},
                                 {504, call_outcome::failure}}) {
    exchange done;
    done.status = status;
    EXPECT_EQ(outcome_of(done), outcome) << status;
  }
  for (auto [kind, outcome] :
       {std::pair{error_kind::name_not_resolved, call_outcome::failure},
        {error_kind::connect_failed, call_outcome::failure},
        {error_kind::tls_failed, call_outcome::failure},
        {error_kind::attempt_timed_out, call_outcome::failure},
        {error_kind::connection_lost, call_outcome::failure},
        {error_kind::answer_too_large, call_outcome::success},
        {error_kind::answer_malformed, call_outcome::success},
        {error_kind::address_refused, call_outcome::unknown},
        {error_kind::shut_down, call_outcome::unknown}}) {
    exchange done;
    done.failure = error{kind, ""};
    EXPECT_EQ(outcome_of(done), outcome) << name(kind);
  }
}

TEST_F(GovernorTest, TellsForHowLongAHostWantsNoCalls) {
  govern(limits(4));
  governor_->pause("http://a:80", now_ + 60s, now_);
  EXPECT_EQ(governor_->room_for_clones("http://a:80", now_).pause, 60s);
  now_ += 61s;
  EXPECT_EQ(governor_->room_for_clones("http://a:80", now_).pause, 0s);
}

TEST_F(GovernorTest, TellsWhatItGivesToClones) {
  auto options = limits(4, 0.5);
  options.rate = 100;
  govern(options);
  const auto room = [&] {
    return governor_->room_for_clones("http://a:80", now_);
  };
  EXPECT_EQ(room().slots, 4u) << "of a host that is not known";
  EXPECT_EQ(room().rate, 100);
  for (auto id : {1U, 2U, 3U})
    ask_sub_action(id);
  ask_clone(4);
  EXPECT_EQ(room().slots, 4u) << "nothing is under way yet";
  EXPECT_THAT(ready(), SizeIs(3));
  EXPECT_EQ(room().under_way, 1u);
  EXPECT_EQ(room().slots, 2u) << "two sub-actions take up the rest";
  succeed(4);
  EXPECT_EQ(room().under_way, 0u);
  EXPECT_EQ(governor_->room_for_clones("http://b:80", now_).slots, 4u);
}

} // namespace
} // namespace handoff
