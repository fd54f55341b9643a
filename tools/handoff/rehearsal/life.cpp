#include "tools/handoff/rehearsal/life.hpp"

#include "actors/intake.hpp"
#include "actors/journal_finder.hpp"
#include "actors/journal_keeper.hpp"
#include "actors/outbound_door.hpp"
#include "actors/root_supervisor.hpp"
#include "tools/handoff/rehearsal/rehearsed_journal.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_companion.hpp>
#include <caf/atom.hpp>
#include <caf/make_message.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>

#include <string_view>
#include <utility>

namespace handoff::rehearsal {

using std::chrono::milliseconds;

namespace {

template <class Handle>
caf::strong_actor_ptr strong(const Handle& handle) {
  return caf::actor_cast<caf::strong_actor_ptr>(handle);
}

} // namespace

life::life(const surroundings& around, std::uint64_t seed)
    : around_{around}, random_{seed} {
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler().clock().current_time = around_.time->now();
  spawn();
}

life::~life() {
  cut_off();
}

caf::scheduler::test_coordinator& life::scheduler() {
  return static_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

void life::spawn() {
  const auto& from = around_.options->settings;
  auto env = std::make_shared<environment>();
  const auto steady = [time = around_.time] {
    return time->now();
  };
  store_ = std::make_shared<rehearsed_journal>(around_, random_.next(), alive_);
  turns_ = std::make_shared<call_turns>(
    governor_options{from.upstream.max_calls, from.upstream.reserved_for_clones,
                     from.upstream.rate, from.upstream.breaker_failures,
                     from.upstream.breaker_open},
    nullptr, steady);
  env->now = around_.now;
  env->random = [this] {
    return random_.unit();
  };
  env->admission = std::make_shared<admission_counts>(
    from.admission.max_held, from.admission.max_jobs, from.admission.max_bytes);
  env->pool_workers = from.pool.workers;
  env->connections = around_.connections;
  env->restarts = {from.supervisor.max_restarts, from.supervisor.within};
  env->turns = turns_;
  env->room = [turns = turns_](const std::string& upstream) {
    return turns->room_for_clones(upstream);
  };
  env->compile = around_.compile;
  env->outbound =
    outbound_door(*system_, [this](outbound_call_ptr call,
                                   std::function<void(exchange)> done) {
      if (*alive_)
        around_.called->start(call, std::move(done));
    });
  const auto retained = std::make_shared<retained_time>(retention());
  journal_finder_options finder;
  finder.reader = store_;
  finder.now = [retained] {
    return retained->now();
  };
  finder.lookups = {env->admission, &env->admission->lookups};
  env->finder = system_->spawn(journal_finder, std::move(finder));
  journal_keeper_options keeper;
  keeper.store = store_;
  keeper.finder = env->finder;
  keeper.now = env->now;
  keeper.steady = steady;
  // Its rest would hold up all others, too.
  keeper.rest = [](std::chrono::microseconds) {
  };
  keeper.keep = keep;
  keeper.retained_now = [retained] {
    return retained->now();
  };
  env->journal = system_->spawn(journal_keeper, std::move(keeper));
  keeper_ = dynamic_cast<caf::resumable*>(
    caf::actor_cast<caf::abstract_actor*>(env->journal));
  sabotage_environment(*env);
  env_ = env;
  root_ = system_->spawn(root_supervisor, environment_ptr{env_});
  entrance_ = system_->spawn(intake, environment_ptr{env_}, root_);
  always_ = system_->registry().running();
  const auto unfinished = std::get<std::uint64_t>(store_->count_unfinished());
  recovery_options recover;
  recover.env = env_;
  recover.root = root_;
  recover.reader = store_;
  recover.compile = around_.compile;
  recover.job_places = std::make_shared<place>(
    env_->admission->jobs.take_over(static_cast<std::size_t>(unfinished)));
  recover.warn = [](const std::string&, const job*) {
  };
  if (around_.options->broken != sabotage::skip_recovery)
    recovery_ = system_->spawn(recovery, std::move(recover));
}

retained_time::options life::retention() {
  retained_time::options made;
  made.now = around_.now;
  made.running = [time = around_.time] {
    return time->now().time_since_epoch();
  };
  made.keep = keep;
  const auto newest = store_->list({.limit = 1});
  if (const auto& jobs = std::get<job_page>(newest).jobs; !jobs.empty())
    made.newest = jobs[0].received;
  return made;
}

void life::sabotage_environment(environment& env) {
  switch (around_.options->broken) {
  case sabotage::no_limits:
    env.turns = std::make_shared<unlimited_turns>();
    break;
  case sabotage::a_worker_too_many:
    ++env.pool_workers;
    break;
  case sabotage::keep_places:
    kept_.push_back(env.admission->jobs.take_over());
    break;
  default:
    break;
  }
}

bool life::may_die(caf::resumable& next) const {
  if (!around_.options->faults.actors || around_.is_calm
      || next.subtype() != caf::resumable::scheduled_actor)
    return false;
  // With any other, the process ends. Sub-action actors have no name.
  const std::string_view name = static_cast<caf::scheduled_actor&>(next).name();
  return name == "clone" || name == "job_supervisor"
      || name == "scheduled_actor";
}

bool life::run_one() {
  auto& jobs = scheduler().jobs;
  if (jobs.empty())
    return false;
  std::swap(jobs.front(), jobs[random_.below(jobs.size())]);
  if (jobs.front() == keeper_ && around_.options->faults.slow
      && !around_.is_calm) {
    const auto now = around_.time->now();
    // A commit that takes its time: the others go on meanwhile.
    if (!keeper_sleeps_ && random_.chance(0.01))
      keeper_sleeps_ =
        now + random_.between(1, random_.chance(0.03) ? 9'000 : 60);
    if (keeper_sleeps_ && now < *keeper_sleeps_) {
      asleep_.push_back(jobs.front());
      jobs.pop_front();
      return true;
    }
  }
  ++around_.report->messages;
  if (may_die(*jobs.front()) && random_.chance(0.000'5)) {
    ++around_.report->actor_faults;
    auto& victim = static_cast<caf::scheduled_actor&>(*jobs.front());
    // It may take a message more before it hears of its end.
    victim.attach_functor([this, alive = alive_] {
      if (*alive)
        around_.watched->actor_died();
    });
    caf::anon_send_exit(caf::actor_cast<caf::strong_actor_ptr>(&victim),
                        caf::exit_reason::kill);
  }
  scheduler().run_once();
  return true;
}

std::optional<agenda::time_point> life::next() {
  auto soonest = turns_->tick(around_.time->now());
  const auto sooner = [&](agenda::time_point when) {
    soonest = soonest ? std::min(*soonest, when) : when;
  };
  const auto& timers = scheduler().clock().schedule();
  if (!timers.empty())
    sooner(timers.begin()->first);
  if (keeper_sleeps_)
    sooner(*keeper_sleeps_);
  return soonest;
}

void life::look_at_clock() {
  const auto now = around_.time->now();
  auto& clock = scheduler().clock();
  // Also where no time has passed: some of it may be due at once.
  clock.advance_time(now - clock.now());
  if (keeper_sleeps_ && *keeper_sleeps_ <= now) {
    keeper_sleeps_.reset();
    for (auto* each : std::exchange(asleep_, {}))
      scheduler().jobs.push_back(each);
  }
  turns_->tick(now);
}

void life::end_actors(caf::exit_reason why) {
  for (const auto& each : {strong(recovery_), strong(entrance_), strong(root_)})
    if (each)
      caf::anon_send_exit(each, why);
  scheduler().run();
  for (const auto& each : {strong(env_->journal), strong(env_->finder)})
    caf::anon_send_exit(each, why);
  scheduler().run();
}

void life::cut_off() {
  if (!system_)
    return;
  const bool was_alive = std::exchange(*alive_, false);
  for (auto* each : std::exchange(asleep_, {}))
    scheduler().jobs.push_back(each);
  turns_->close();
  if (was_alive)
    store_->cut_off();
  end_actors(caf::exit_reason::kill);
  recovery_ = nullptr;
  entrance_ = nullptr;
  root_ = nullptr;
  listener_ = nullptr;
  env_->journal = nullptr;
  env_->finder = nullptr;
  env_->outbound = nullptr;
  env_->room = nullptr;
  env_.reset();
  // What waits for its time finds its actor gone.
  while (scheduler().has_pending_timeout() || scheduler().has_job()) {
    scheduler().trigger_timeouts();
    scheduler().run();
  }
  turns_.reset();
  store_.reset();
  if (system_->registry().running() > 0) {
    around_.watched->fail("a process that ends has no actors left",
                          std::to_string(system_->registry().running())
                            + " actors live on");
    // Its end would wait for them, for ever.
    static_cast<void>(system_.release());
  }
  system_.reset();
}

void life::drain(std::function<void()> done) {
  is_draining_ = true;
  if (recovery_)
    caf::anon_send(recovery_, drain_atom::value);
  listener_ = caf::actor_cast<caf::actor>(
    system_->spawn<caf::actor_companion, caf::hidden>());
  caf::actor_cast<caf::actor_companion*>(listener_)->on_enqueue(
    [done = std::move(done)](const caf::mailbox_element_ptr&) { done(); });
  strong(root_)->enqueue(strong(listener_), caf::make_message_id(1),
                         caf::make_message(drain_atom::value), nullptr);
}

void life::stop() {
  for (auto* each : std::exchange(asleep_, {}))
    scheduler().jobs.push_back(each);
  end_actors(caf::exit_reason::user_shutdown);
}

void life::send(const clone_order_ptr& order) {
  caf::anon_send(entrance_, order);
}

void life::send(const job_order_ptr& order) {
  caf::anon_send(root_, order);
}

std::string life::left_over() const {
  const auto& counts = *env_->admission;
  std::string all;
  const auto tell = [&all](const std::string& what) {
    (all += all.empty() ? "" : "; ") += what;
  };
  const auto taken = [&](const char* what, std::size_t count) {
    if (count > 0)
      tell(std::to_string(count) + " places of " + what + " are taken");
  };
  taken("webhooks that are held", counts.held.taken());
  taken("unfinished jobs", counts.jobs.taken());
  taken("bytes", counts.bytes.taken());
  taken("the recovery", counts.recovered.taken());
  taken("look-ups", counts.lookups);
  if (env_->deadlines->size() > 0)
    tell(std::to_string(env_->deadlines->size())
         + " requests between actors wait");
  for (const auto& each : turns_->counts())
    if (each.in_flight > 0 || each.waiting > 0)
      tell(each.host + " has " + std::to_string(each.in_flight)
           + " calls in flight and " + std::to_string(each.waiting)
           + " waiting");
  return all;
}

std::string life::idle_actors() {
  const auto count = system_->registry().running();
  return count <= always_
         ? std::string{}
         : std::to_string(count - always_) + " actors are left without a job";
}

} // namespace handoff::rehearsal
