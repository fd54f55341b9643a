#include "actors/scheduler.hpp"

#include "actors/progress.hpp"
#include "actors/quiet_clock.hpp"
#include "actors/run_queue.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <deque>
#include <pthread.h>
#include <thread>
#include <vector>

namespace handoff {
namespace {

/// Who has a turn. What CAF runs besides actors has no name.
const char* name_of(caf::resumable& job) {
  return job.subtype() == caf::resumable::scheduled_actor
         ? static_cast<caf::scheduled_actor&>(job).name()
         : "a task";
}

/// What an actor sees of the thread that gives it its turn.
class worker final : public caf::execution_unit {
public:
  worker(caf::actor_system& system, run_queue& queue, activity* watched)
      : caf::execution_unit{&system}, queue_{queue}, watched_{watched} {}

  void exec_later(caf::resumable* job) override { queue_.push(job); }

  /// Until the queue is closed; `messages_max` are taken from an actor's
  /// mailbox in one turn.
  void run(std::size_t messages_max) {
    queue_.join();
    while (auto* const job = queue_.pop())
      if (resume(job, messages_max) == caf::resumable::resume_later)
        queue_.push(job);
      else
        // It is pushed again, with a reference of its own, when it has mail.
        caf::intrusive_ptr_release(job);
  }

private:
  caf::resumable::resume_result resume(caf::resumable* job,
                                       std::size_t messages_max) {
    const activity::turn turn{watched_, name_of(*job)};
    return job->resume(this, messages_max);
  }

  run_queue& queue_;
  activity* watched_;
};

class coordinator final : public caf::scheduler::abstract_coordinator {
public:
  coordinator(caf::actor_system& system, progress* watch)
      : abstract_coordinator{system}, watch_{watch} {}

  void enqueue(caf::resumable* job) override { queue_.push(job); }

  quiet_clock& clock() noexcept override { return clock_; }

  void start() override {
    for (std::size_t at = 0; at < num_workers(); ++at)
      threads_.push_back(
        thread("actors",
               [this, &of = workers_.emplace_back(
                        system(), queue_, watch_ ? &watch_->add() : nullptr)] {
                 of.run(max_throughput());
               }));
    timer_ = thread("actors-clock", [this] { clock_.run_dispatch_loop(); });
    abstract_coordinator::start();
  }

  void stop() override {
    queue_.close();
    stop_actors();
    for (auto& each : threads_)
      each.join();
    // An actor that ends tells the clock, which has to hear it, and may bring
    // others until then.
    end_all();
    clock_.cancel_dispatch_loop();
    timer_.join();
    clock_.close();
    end_all();
  }

private:
  template <class Run>
  std::thread thread(const char* name, Run run) {
    return std::thread{[this, name, run] {
      ::pthread_setname_np(::pthread_self(), name);
      system().thread_started();
      run();
      system().thread_terminates();
    }};
  }

  void end_all() {
    while (auto* const job = queue_.try_pop())
      cleanup_and_release(job);
  }

  progress* watch_;
  run_queue queue_;
  quiet_clock clock_;
  // Actors remember the one that they had their last turn of.
  std::deque<worker> workers_;
  std::vector<std::thread> threads_;
  std::thread timer_;
};

} // namespace

void use_scheduler(caf::actor_system_config& config, progress* watch) {
  const auto sharing = caf::atom("sharing");
  if (caf::get_or(config, "scheduler.policy", sharing) != sharing
      || caf::get_or(config, "scheduler.enable-profiling", false))
    return;
  config.module_factories.push_back(
    [watch](caf::actor_system& system) -> caf::actor_system::module* {
      return new coordinator{system, watch};
    });
}

} // namespace handoff
