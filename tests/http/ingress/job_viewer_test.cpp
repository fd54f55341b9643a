#include "http/ingress/job_viewer.hpp"
#include "journal/memory_journal.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gmock/gmock.h>

#include <stdexcept>

namespace handoff {
namespace {

using namespace std::chrono_literals;
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

class JobViewerTest : public ::testing::Test {
protected:
  JobViewerTest() {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    auto opened = journal_.open_reader();
    viewer_ = system_->spawn(
      job_viewer,
      std::shared_ptr<journal_reader>{
        std::get<std::unique_ptr<journal_reader>>(std::move(opened))},
      &watched_.add());
    views_ = job_views{viewer_};
  }

  ~JobViewerTest() override {
    caf::anon_send_exit(viewer_, caf::exit_reason::user_shutdown);
    run();
    views_ = {};
    viewer_ = nullptr;
    run();
  }

  using shown = std::function<std::optional<reply>(journal_reader&)>;

  std::shared_ptr<kept_answer> ask(shown show) {
    auto made = std::make_shared<kept_answer>();
    views_.ask(made, std::move(show));
    return made;
  }

  void run() {
    dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler()).run();
  }

  static shown answers(int status) {
    return [status](journal_reader&) {
      return reply{status, {}, {}};
    };
  }

  job_viewer_actor viewer_;
  job_views views_;

private:
  memory_journal journal_;
  progress watched_;
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
};

TEST_F(JobViewerTest, AnswersWith500WhereAViewThrowsAndShowsTheNext) {
  const auto broken = ask([](journal_reader&) -> std::optional<reply> {
    throw std::runtime_error{"a view that breaks"};
  });
  const auto odd =
    ask([](journal_reader&) -> std::optional<reply> { throw 1; });
  const auto next = ask(answers(200));
  run();
  EXPECT_THAT(broken->statuses, ElementsAre(500));
  EXPECT_THAT(odd->statuses, ElementsAre(500));
  EXPECT_THAT(next->statuses, ElementsAre(200));
}

TEST_F(JobViewerTest, LeavesTheAnswerToWhomAViewToldTo) {
  const auto other =
    ask([](journal_reader&) { return std::optional<reply>{}; });
  run();
  EXPECT_THAT(other->statuses, IsEmpty());
}

TEST_F(JobViewerTest, Answers503WhereAViewTakesTooLong) {
  const auto slow = ask(answers(200));
  EXPECT_EQ(slow->fallback, 503);
}

TEST_F(JobViewerTest, DoesNotShowWhatNobodyWaitsFor) {
  const auto late = std::make_shared<kept_answer>();
  caf::anon_send(viewer_, std::make_shared<const job_view>(job_view{
                            late, answers(200),
                            std::chrono::steady_clock::now() - 1ms, nullptr}));
  run();
  EXPECT_THAT(late->statuses, IsEmpty());
}

TEST_F(JobViewerTest, Refuses503WhereTooManyWaitAndNoLonger) {
  std::vector<std::shared_ptr<kept_answer>> waiting;
  for (std::size_t i = 0; i < job_views::waiting_max; ++i)
    waiting.push_back(ask(answers(200)));
  const auto refused = ask(answers(200));
  EXPECT_THAT(refused->statuses, ElementsAre(503));
  run();
  EXPECT_THAT(waiting.back()->statuses, ElementsAre(200));
  const auto taken = ask(answers(200));
  run();
  EXPECT_THAT(taken->statuses, ElementsAre(200));
}

} // namespace
} // namespace handoff
