#include "tools/handoff/simulation.hpp"

#include "actors/intake.hpp"
#include "actors/journal_finder.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/root_supervisor.hpp"
#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "journal/memory_journal.hpp"
#include "tools/handoff/simulated_api.hpp"
#include "tools/handoff/simulated_webhook.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::chrono::hours longest{7 * 24};

/// Takes the answer as a sender that waits for it does.
class simulated_sender : public responder {
public:
  bool answer(reply what) override {
    if (given)
      return false;
    given = std::move(what);
    for (const auto& each : std::exchange(told_, {}))
      each({given->status, true});
    return true;
  }

  void answer_by(time_point when, reply what) override {
    due = when;
    otherwise_ = std::move(what);
  }

  void on_outcome(std::function<void(const reply_outcome&)> told) override {
    if (given)
      told({given->status, true});
    else
      told_.push_back(std::move(told));
  }

  void deadline() { answer(otherwise_); }

  std::optional<reply> given;
  std::optional<time_point> due;

private:
  reply otherwise_;
  std::vector<std::function<void(const reply_outcome&)>> told_;
};

/// The tree of actors under CAF's scheduler for tests, whose time is ours.
class stage {
public:
  explicit stage(simulation_options options) : options_{std::move(options)} {
    config_.set("scheduler.policy", caf::atom("testing"));
    system_.emplace(config_);
    begin_ = system_->clock().now();
    traffic_->script = std::move(options_.script);
    traffic_->connections =
      std::make_shared<connection_registry>(options_.connections);
    traffic_->now = [this] {
      return passed();
    };
    spawn();
  }

  ~stage() {
    for (const auto& each : {caf::actor_cast<caf::actor>(root_),
                             caf::actor_cast<caf::actor>(entrance_),
                             caf::actor_cast<caf::actor>(env_->journal),
                             caf::actor_cast<caf::actor>(env_->outbound)})
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    scheduler().run();
    root_ = nullptr;
    entrance_ = nullptr;
    env_.reset();
    sender_.reset();
    // What still waits for its time finds its actor gone.
    scheduler().trigger_timeouts();
    scheduler().run();
  }

  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  simulation play() {
    const auto id = send();
    simulation done;
    scheduler().run();
    note_answer(done);
    while (!is_over(id) && step())
      note_answer(done);
    done.is_over = is_over(id);
    done.record = job_of(id);
    done.answer = sender_->given;
    done.calls = traffic_->calls;
    done.end = now();
    return done;
  }

private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(
      system_->scheduler());
  }

  milliseconds passed() {
    return duration_cast<milliseconds>(system_->clock().now() - begin_);
  }

  wall_time now() { return start_ + passed(); }

  void spawn() {
    auto env = std::make_shared<environment>();
    const auto& from = options_.settings;
    env->now = [this] {
      return now();
    };
    // The middle of the jitter.
    env->random = [] {
      return 0.5;
    };
    env->admission = std::make_shared<admission_counts>();
    env->pool_workers = from.pool.workers;
    env->connections = traffic_->connections;
    env->restarts = {from.supervisor.max_restarts, from.supervisor.within};
    env->outbound = spawn_simulated_api(*system_, traffic_);
    journal_finder_options finder;
    finder.reader = store_;
    finder.now = env->now;
    finder.lookups = {env->admission, &env->admission->lookups};
    env->finder = system_->spawn(journal_finder, std::move(finder));
    journal_keeper_options keeper;
    keeper.store = store_;
    keeper.finder = env->finder;
    keeper.now = env->now;
    env->journal = system_->spawn(journal_keeper, std::move(keeper));
    env_ = env;
    root_ = system_->spawn(root_supervisor, env_);
    entrance_ = system_->spawn(intake, env_, root_);
    scheduler().run();
  }

  std::string send() {
    order_facts facts;
    facts.job = job_id_from(now(), {});
    facts.trace = continue_trace("");
    facts.received = now();
    facts.now = system_->clock().now();
    facts.arrived = facts.now;
    facts.limit = options_.settings.deadline.limit;
    facts.margin = options_.settings.deadline.margin;
    auto id = facts.job;
    auto made = simulated_order(options_.definition, options_.headers,
                                options_.posted, std::move(facts));
    if (auto* at_once = std::get_if<reply>(&made)) {
      sender_->answer(std::move(*at_once));
      return id;
    }
    auto order = std::get<std::shared_ptr<clone_order>>(std::move(made));
    order->responder = sender_;
    order->respond_async |= options_.respond_async;
    order->job_place =
      std::make_shared<place>(env_->admission->jobs.take_over());
    caf::anon_send(entrance_, clone_order_ptr{std::move(order)});
    return id;
  }

  std::optional<job> job_of(const std::string& id) {
    auto found = store_->find(id);
    auto* record = std::get_if<std::optional<job>>(&found);
    return record != nullptr ? *record : std::nullopt;
  }

  bool is_over(const std::string& id) {
    if (!sender_->given)
      return false;
    const auto record = job_of(id);
    // What was refused makes no job.
    return !record || (record->reply && !is_unfinished(*record));
  }

  /// Goes on to whatever comes next; false if nothing does.
  bool step() {
    auto& clock = scheduler().clock();
    const auto& schedule = clock.schedule();
    const bool is_held = !sender_->given && sender_->due;
    if ((schedule.empty() && !is_held) || passed() > longest)
      return false;
    auto next = schedule.empty() ? *sender_->due : schedule.begin()->first;
    if (is_held)
      next = std::min<responder::time_point>(next, *sender_->due);
    clock.advance_time(std::max<caf::actor_clock::duration_type>(
      next - clock.now(), caf::actor_clock::duration_type{0}));
    if (is_held && clock.now() >= *sender_->due)
      sender_->deadline();
    scheduler().run();
    return true;
  }

  void note_answer(simulation& to) {
    if (sender_->given && !std::exchange(is_answered_, true))
      to.answered = passed();
  }

  simulation_options options_;
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
  caf::actor_clock::time_point begin_;
  wall_time start_ = std::chrono::time_point_cast<milliseconds>(
    std::chrono::system_clock::now());
  std::shared_ptr<simulated_traffic> traffic_ =
    std::make_shared<simulated_traffic>();
  std::shared_ptr<simulated_sender> sender_ =
    std::make_shared<simulated_sender>();
  std::shared_ptr<memory_journal> store_ = std::make_shared<memory_journal>();
  environment_ptr env_;
  root_supervisor_actor root_;
  intake_actor entrance_;
  bool is_answered_ = false;
};

} // namespace

simulation simulate(simulation_options options) {
  return stage{std::move(options)}.play();
}

} // namespace handoff
