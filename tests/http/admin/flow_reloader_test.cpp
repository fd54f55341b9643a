#include "http/admin/flow_reloader.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>

#include <optional>
#include <stdexcept>

namespace handoff {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class kept_answer : public responder {
public:
  bool answer(reply what) override {
    statuses.push_back(what.status);
    return true;
  }

  void answer_by(time_point, reply what) override { fallback = what.status; }

  void on_outcome(std::function<void(const reply_outcome&)>) override {}

  std::vector<int> statuses;
  int fallback = 0;
};

class FlowReloaderTest : public ::testing::Test {
protected:
  FlowReloaderTest() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    flow_reloader_options options;
    options.flows = flows;
    options.directory = "flows";
    options.load = [this](bool must_exist) {
      steps.push_back(must_exist ? "load what is there" : "load");
      if (throws)
        throw std::runtime_error{"no memory"};
      return found;
    };
    options.now = [] {
      return wall_time{std::chrono::seconds{7}};
    };
    options.inform = [](const std::string&) {
    };
    options.complain = [this](const std::string& what) {
      complaints.push_back(what);
    };
    options.begins = [this] {
      steps.push_back("begins");
    };
    options.ended = [this](std::size_t count) {
      steps.push_back("ended with " + std::to_string(count));
    };
    reloader_ = system_->spawn(flow_reloader, std::move(options));
    reloads = flow_reloads{reloader_};
  }

  ~FlowReloaderTest() override {
    caf::anon_send_exit(reloader_, caf::exit_reason::user_shutdown);
    reloads = {};
    reloader_ = nullptr;
    run();
  }

  std::shared_ptr<kept_answer> ask() {
    auto made = std::make_shared<kept_answer>();
    reloads.ask(made);
    return made;
  }

  void run() {
    dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler()).run();
  }

  static flow_ptr flow_called(const std::string& name) {
    auto made = std::make_shared<flow>();
    made->name = name;
    return made;
  }

  std::shared_ptr<flow_registry> flows = std::make_shared<flow_registry>(
    flows_in_force{flow_set{{"old", flow_called("old")}}});
  loaded_flows found{flow_set{{"new", flow_called("new")}}};
  bool throws = false;
  std::vector<std::string> steps;
  std::vector<std::string> complaints;
  flow_reloads reloads;

private:
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  flow_reloader_actor reloader_;
};

TEST_F(FlowReloaderTest, PutsInForceWhatIsFound) {
  const auto asked = ask();
  run();
  EXPECT_THAT(asked->statuses, ElementsAre(200));
  EXPECT_TRUE(flows->current()->contains("new"));
  EXPECT_FALSE(flows->current()->contains("old"));
  EXPECT_EQ(flows->in_force()->loaded, wall_time{std::chrono::seconds{7}});
  EXPECT_THAT(steps,
              ElementsAre("begins", "load what is there", "ended with 1"));
}

TEST_F(FlowReloaderTest, KeepsWhatIsInForceWhereAnythingIsWrong) {
  // Whoever loads gives no flows with an error; this one relies on nobody.
  found.errors.push_back({"a.json", "/name", "is wrong"});
  const auto asked = ask();
  run();
  EXPECT_THAT(asked->statuses, ElementsAre(422));
  EXPECT_TRUE(flows->current()->contains("old"));
  EXPECT_THAT(complaints, SizeIs(2));
}

TEST_F(FlowReloaderTest, KeepsWhatIsInForceWhereNothingIsFound) {
  found = {};
  const auto asked = ask();
  run();
  EXPECT_THAT(asked->statuses, ElementsAre(422));
  EXPECT_TRUE(flows->current()->contains("old"));
}

TEST_F(FlowReloaderTest, DoesNotMindNothingWhereNothingIsInForce) {
  flows->replace({});
  found = {};
  const auto asked = ask();
  run();
  EXPECT_THAT(asked->statuses, ElementsAre(200));
  EXPECT_THAT(steps, ElementsAre("begins", "load", "ended with 0"));
}

TEST_F(FlowReloaderTest, Answers500WhereReadingThrowsAndReadsTheNextTime) {
  throws = true;
  const auto broken = ask();
  run();
  EXPECT_THAT(broken->statuses, ElementsAre(500));
  EXPECT_EQ(steps.back(), "ended with 1");
  EXPECT_TRUE(flows->current()->contains("old"));
  throws = false;
  const auto next = ask();
  run();
  EXPECT_THAT(next->statuses, ElementsAre(200));
}

TEST_F(FlowReloaderTest, Refuses503WhereTooManyWait) {
  std::vector<std::shared_ptr<kept_answer>> waiting;
  for (std::size_t i = 0; i < flow_reloads::waiting_max; ++i)
    waiting.push_back(ask());
  EXPECT_THAT(ask()->statuses, ElementsAre(503));
  reloads.ask(); // for nobody, and no more
  run();
  for (const auto& each : waiting)
    EXPECT_THAT(each->statuses, ElementsAre(200));
  EXPECT_THAT(steps, SizeIs(3 * flow_reloads::waiting_max));
}

TEST_F(FlowReloaderTest, Answers503WhereReadingTakesTooLong) {
  const auto asked = ask();
  EXPECT_EQ(asked->fallback, 503);
  EXPECT_THAT(asked->statuses, IsEmpty());
}

} // namespace
} // namespace handoff
