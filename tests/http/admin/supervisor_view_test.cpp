#include "http/admin/supervisor_view.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
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

class kept_answer : public responder {
public:
  bool answer(reply what) override {
    given.push_back(std::move(what));
    return true;
  }

  void answer_by(time_point, reply) override {}

  void on_outcome(std::function<void(const reply_outcome&)>) override {}

  std::vector<reply> given;
};

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
        promise.deliver(supervision_report{2, 14});
      return promise;
    },
    [](turn_atom) {},
    [](next_atom) {},
  };
}

class SupervisorViewTest : public ::testing::Test {
protected:
  SupervisorViewTest() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    root_ = system_->spawn(fake_root, answers);
    options.root = root_;
    options.admission = std::make_shared<admission_counts>();
    options.log = log;
    options.draining = std::make_shared<std::atomic<bool>>(false);
    options.upstreams = [this] {
      return upstreams;
    };
    options.now = [] {
      return wall_time{};
    };
  }

  ~SupervisorViewTest() override {
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(view_, caf::exit_reason::user_shutdown);
    options.root = nullptr;
    root_ = nullptr;
    view_ = nullptr;
    run_for(1s);
  }

  std::shared_ptr<kept_answer> ask() {
    if (!view_)
      view_ = system_->spawn(supervisor_view, options);
    auto made = std::make_shared<kept_answer>();
    caf::anon_send(view_, responder_ptr{made});
    run_for(0s);
    return made;
  }

  void run_for(std::chrono::seconds span) {
    auto& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
    scheduler.run();
    scheduler.advance_time(span);
    scheduler.run();
  }

  nlohmann::json shown() {
    return supervisor_document(options, supervision_report{});
  }

  static upstream_counts host(std::string name, std::size_t in_flight) {
    upstream_counts made;
    made.host = std::move(name);
    made.in_flight = in_flight;
    made.breaker = "closed";
    return made;
  }

  std::shared_ptr<bool> answers = std::make_shared<bool>(true);
  std::shared_ptr<supervision_log> log = std::make_shared<supervision_log>();
  std::vector<upstream_counts> upstreams;
  supervisor_view_options options;

private:
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  root_supervisor_actor root_;
  supervisor_view_actor view_;
};

TEST_F(SupervisorViewTest, AnswersWithWhatTheRootSupervisorSays) {
  const auto asked = ask();
  ASSERT_EQ(asked->given.size(), 1u);
  EXPECT_EQ(asked->given[0].status, 200);
  const auto said = nlohmann::json::parse(asked->given[0].body);
  EXPECT_EQ(said["under_way"]["jobs"], 14);
}

TEST_F(SupervisorViewTest, Answers503WhereTheRootSupervisorHangs) {
  *answers = false;
  const auto asked = ask();
  EXPECT_THAT(asked->given, IsEmpty());
  run_for(supervisor_patience);
  ASSERT_EQ(asked->given.size(), 1u);
  EXPECT_EQ(asked->given[0].status, 503);
}

TEST_F(SupervisorViewTest, ListsAHundredQuarantinedAtTheMostNewestFirst) {
  for (int i = 0; i < 150; ++i)
    log->quarantined({"job" + std::to_string(i), "s", "why", wall_time{}});
  const auto quarantined = shown()["quarantined"];
  EXPECT_EQ(quarantined["total"], 150);
  ASSERT_EQ(quarantined["newest"].size(), supervision_log::quarantined_max);
  EXPECT_EQ(quarantined["newest"][0]["job"], "job149");
}

TEST_F(SupervisorViewTest, ListsEachPartOfAJobThatWasGivenUp) {
  job record;
  record.id = "J";
  record.status = job_status::running;
  record.sub_actions.resize(2);
  record.sub_actions[0].name = "done";
  record.sub_actions[0].status = sub_action_status::succeeded;
  record.sub_actions[1].name = "left";
  log->given_up(record, {error_kind::quarantined, "why"}, wall_time{});
  record.status = job_status::cloning;
  record.sub_actions.clear();
  log->given_up(record, {error_kind::quarantined, "why"}, wall_time{});
  const auto newest = shown()["quarantined"]["newest"];
  ASSERT_EQ(newest.size(), 2u);
  EXPECT_TRUE(newest[0]["sub_action"].is_null());
  EXPECT_EQ(newest[1]["sub_action"], "left");
}

TEST_F(SupervisorViewTest, ListsTwoHundredUpstreamsThoseInTroubleFirst) {
  for (int i = 0; i < 300; ++i)
    upstreams.push_back(host("idle" + std::to_string(i), 0));
  upstreams.push_back(host("busy", 5));
  upstreams.push_back(host("broken", 0));
  upstreams.back().breaker = "open";
  upstreams.back().not_closed_since = std::chrono::steady_clock::now();
  upstreams.back().failures_in_a_row = 10;
  const auto said = shown()["upstreams"];
  EXPECT_EQ(said["total"], 302);
  ASSERT_EQ(said["hosts"].size(), upstreams_shown_max);
  EXPECT_EQ(said["hosts"][0]["host"], "broken");
  EXPECT_EQ(said["hosts"][0]["breaker"]["why"], "10 failures in a row");
  EXPECT_EQ(said["hosts"][1]["host"], "busy");
}

} // namespace
} // namespace handoff
