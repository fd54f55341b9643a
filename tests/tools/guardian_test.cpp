#include "tools/handoff/guardian.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>
#include <gmock/gmock.h>

#include <optional>

namespace handoff {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Answers a report only while `answers`.
root_supervisor_actor::behavior_type
fake_root(root_supervisor_actor::pointer self, std::shared_ptr<bool> answers) {
  return {
    [](const clone_order_ptr&) {},
    [](const released_job_ptr&) {},
    [](const recovered_job_ptr&) {},
    [](const job_order_ptr&) {},
    [](again_atom, const std::string&) {},
    [](drain_atom) { return drained_atom::value; },
    [self, answers](report_atom) {
      auto promise = self->make_response_promise<supervision_report>();
      if (*answers)
        promise.deliver(supervision_report{});
      return promise;
    },
    [](turn_atom) {},
    [](next_atom) {},
  };
}

caf::behavior idle(caf::event_based_actor* self) {
  return {[self](next_atom) {
    self->quit();
  }};
}

class GuardianTest : public ::testing::Test {
protected:
  GuardianTest() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    root_ = system_->spawn(fake_root, answers);
    needed_ = system_->spawn(idle);
    passing_ = system_->spawn(idle);
    guardian_options options;
    options.root = root_;
    options.watched = {
      {"the needed", caf::actor_cast<caf::strong_actor_ptr>(needed_)},
      {"the passing", caf::actor_cast<caf::strong_actor_ptr>(passing_), true}};
    options.drained = [this] {
      ++drained;
    };
    options.lost = [this](const std::string& who) {
      lost.push_back(who);
    };
    options.alive = [this] {
      ++alive;
    };
    options.alive_every = 10s;
    options.hanging =
      [this](std::chrono::milliseconds least) -> std::optional<hang> {
      if (under_way <= least)
        return std::nullopt;
      return hang{"a commit", under_way};
    };
    options.hangs = [this](const std::optional<hang>& what) {
      told.push_back(what ? what->what : "goes on");
    };
    guardian_ = system_->spawn(guardian, std::move(options));
    scheduler().run();
  }

  ~GuardianTest() override {
    for (const auto& each :
         {caf::actor_cast<caf::actor>(guardian_),
          caf::actor_cast<caf::actor>(root_), needed_, passing_})
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    guardian_ = nullptr;
    root_ = nullptr;
    needed_ = nullptr;
    passing_ = nullptr;
    scheduler().run();
    scheduler().trigger_timeouts();
    scheduler().run();
  }

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(
      system_->scheduler());
  }

  void run_for(std::chrono::seconds span) {
    for (auto passed = 0s; passed < span; passed += 1s) {
      scheduler().advance_time(1s);
      scheduler().run();
    }
  }

  std::shared_ptr<bool> answers = std::make_shared<bool>(true);
  std::vector<std::string> lost;
  int drained = 0;
  int alive = 0;
  std::chrono::milliseconds under_way{0};
  std::vector<std::string> told;
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  root_supervisor_actor root_;
  caf::actor needed_;
  caf::actor passing_;
  guardian_actor guardian_;
};

TEST_F(GuardianTest, SaysWhoDied) {
  caf::anon_send_exit(needed_, caf::exit_reason::unhandled_exception);
  run_for(1s);
  EXPECT_THAT(lost, ElementsAre("the needed"));
}

TEST_F(GuardianTest, TakesANormalEndForAFaultWhereNoneIsExpected) {
  caf::anon_send(needed_, next_atom::value);
  run_for(1s);
  EXPECT_THAT(lost, ElementsAre("the needed"));
}

TEST_F(GuardianTest, DoesNotMindTheEndOfWhatWasDone) {
  caf::anon_send(passing_, next_atom::value);
  run_for(1s);
  EXPECT_THAT(lost, IsEmpty());
}

TEST_F(GuardianTest, MindsTheDeathOfWhatWasNotDone) {
  caf::anon_send_exit(passing_, caf::exit_reason::unhandled_exception);
  run_for(1s);
  EXPECT_THAT(lost, ElementsAre("the passing"));
}

TEST_F(GuardianTest, GivesSignsOfLifeWhileTheRootSupervisorAnswers) {
  EXPECT_EQ(alive, 1);
  run_for(30s);
  EXPECT_EQ(alive, 4);
}

TEST_F(GuardianTest, GivesNoSignOfLifeWhileTheRootSupervisorHangs) {
  *answers = false;
  run_for(60s);
  EXPECT_EQ(alive, 1);
  *answers = true;
  run_for(10s);
  EXPECT_EQ(alive, 2);
}

TEST_F(GuardianTest, GivesNoSignOfLifeWhileACommitHangs) {
  run_for(1s);
  under_way = 11s;
  run_for(60s);
  EXPECT_EQ(alive, 1);
}

TEST_F(GuardianTest, GivesTheSignThatWasHeldBackOnceTheCommitIsDone) {
  run_for(1s);
  under_way = 11s;
  run_for(10s);
  ASSERT_EQ(alive, 1);
  under_way = 0s;
  run_for(1s);
  EXPECT_EQ(alive, 2) << "the next one would come too late";
}

TEST_F(GuardianTest, TellsWhatHangsAndThatItGoesOn) {
  under_way = 3s;
  run_for(5s);
  EXPECT_THAT(told, ElementsAre("a commit"));
  EXPECT_EQ(alive, 1) << "a slow commit is not a reason for a restart";
  under_way = 0s;
  run_for(5s);
  EXPECT_THAT(told, ElementsAre("a commit", "goes on"));
}

TEST_F(GuardianTest, TellsThatTheTreeIsDrained) {
  caf::anon_send(guardian_, drain_atom::value);
  run_for(1s);
  EXPECT_EQ(drained, 1);
}

} // namespace
} // namespace handoff
