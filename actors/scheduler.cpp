#include "actors/scheduler.hpp"

#include "actors/quiet_clock.hpp"
#include "actors/run_queue.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/scheduler/coordinator.hpp>

#include <utility>

namespace handoff {
namespace {

/// How CAF's threads get their work (its name for this: policy).
class queue_policy : public caf::policy::unprofiled {
public:
  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}

    run_queue queue;
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}

    bool has_joined = false;
  };

  template <class Coordinator>
  void central_enqueue(Coordinator* self, caf::resumable* job) {
    d(self).queue.push(job);
  }

  template <class Worker>
  void external_enqueue(Worker* self, caf::resumable* job) {
    queue_of(self).push(job);
  }

  template <class Worker>
  void internal_enqueue(Worker* self, caf::resumable* job) {
    queue_of(self).push(job);
  }

  template <class Worker>
  void resume_job_later(Worker* self, caf::resumable* job) {
    queue_of(self).push(job);
  }

  template <class Worker>
  caf::resumable* dequeue(Worker* self) {
    if (!std::exchange(d(self).has_joined, true))
      queue_of(self).join();
    return queue_of(self).pop();
  }

  template <class Worker>
  void before_shutdown(Worker* self) {
    queue_of(self).leave();
  }

  template <class Worker, class Function>
  void foreach_resumable(Worker*, Function) {}

  template <class Coordinator, class Function>
  void foreach_central_resumable(Coordinator* self, Function call) {
    while (auto* const job = d(self).queue.try_pop())
      call(job);
  }

private:
  template <class Worker>
  run_queue& queue_of(Worker* self) {
    return d(self->parent()).queue;
  }
};

class coordinator : public caf::scheduler::coordinator<queue_policy> {
public:
  using super = caf::scheduler::coordinator<queue_policy>;

  explicit coordinator(caf::actor_system& system)
      : super{system}, clock_{super::clock()} {}

  quiet_clock& clock() noexcept override { return clock_; }

private:
  quiet_clock clock_;
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
