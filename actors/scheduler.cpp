#include "actors/scheduler.hpp"

#include "actors/quiet_clock.hpp"
#include "actors/run_queue.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <pthread.h>
#include <thread>
#include <vector>

namespace handoff {
namespace {

/// What an actor sees of the thread that gives it its turn.
class worker final : public caf::execution_unit {
public:
  worker(caf::actor_system& system, run_queue& queue)
      : caf::execution_unit{&system}, queue_{queue} {}

  void exec_later(caf::resumable* job) override { queue_.push(job); }

  /// Until the queue is closed; `messages_max` are taken from an actor's
  /// mailbox in one turn.
  void run(std::size_t messages_max) {
    queue_.join();
    while (auto* const job = queue_.pop())
      if (job->resume(this, messages_max) == caf::resumable::resume_later)
        queue_.push(job);
      else
        // It is pushed again, with a reference of its own, when it has mail.
        caf::intrusive_ptr_release(job);
  }

private:
  run_queue& queue_;
};

class coordinator final : public caf::scheduler::abstract_coordinator {
public:
  using abstract_coordinator::abstract_coordinator;

  void enqueue(caf::resumable* job) override { queue_.push(job); }

  quiet_clock& clock() noexcept override { return clock_; }

  void start() override {
    for (std::size_t at = 0; at < num_workers(); ++at)
      workers_.push_back(thread("actors", [this] {
        worker{system(), queue_}.run(max_throughput());
      }));
    timer_ = thread("actors-clock", [this] { clock_.run_dispatch_loop(); });
    abstract_coordinator::start();
  }

  void stop() override {
    queue_.close();
    stop_actors();
    for (auto& each : workers_)
      each.join();
    clock_.cancel_dispatch_loop();
    timer_.join();
    // Nobody brings anything any more.
    while (auto* const job = queue_.try_pop())
      cleanup_and_release(job);
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

  run_queue queue_;
  quiet_clock clock_;
  std::vector<std::thread> workers_;
  std::thread timer_;
};

} // namespace

void use_scheduler(caf::actor_system_config& config) {
  const auto sharing = caf::atom("sharing");
  if (caf::get_or(config, "scheduler.policy", sharing) != sharing
      || caf::get_or(config, "scheduler.enable-profiling", false))
    return;
  config.module_factories.push_back(
    [](caf::actor_system& system) -> caf::actor_system::module* {
      return new coordinator{system};
    });
}

} // namespace handoff
