#pragma once

#include "actors/environment.hpp"
#include "actors/recovery.hpp"
#include "http/outbound/call_turns.hpp"
#include "job/retention.hpp"
#include "journal/memory_journal.hpp"
#include "tools/handoff/rehearsal/agenda.hpp"
#include "tools/handoff/rehearsal/promises.hpp"
#include "tools/handoff/rehearsal/rehearsal.hpp"
#include "tools/handoff/rehearsal/upstreams.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace handoff::rehearsal {

class rehearsed_journal;

/// How long finished jobs are kept.
inline constexpr std::chrono::minutes keep{2};

/// What one process shares with all others, past and to come.
struct surroundings {
  const rehearsal_options* options = nullptr;
  agenda* time = nullptr;
  promises* watched = nullptr;
  upstreams* called = nullptr;
  rehearsal_report* report = nullptr;
  std::shared_ptr<memory_store> store;
  std::shared_ptr<connection_registry> connections;
  /// The wall clock.
  std::function<wall_time()> now;
  std::function<result<flow_ptr>(const nlohmann::json&)> compile;
  /// Faults have stopped.
  bool is_calm = false;
};

/// One process of the service, from its start to its end: the actors of
/// tools/handoff/service.cpp, but for the doors, under CAF's scheduler for
/// tests. Which actor takes its next message is drawn from the seed.
class life {
public:
  life(const surroundings& around, std::uint64_t seed);
  ~life();

  life(const life&) = delete;
  life& operator=(const life&) = delete;

  /// Has one actor take one message. False if none has mail.
  bool run_one();

  /// When something is due next, if nothing comes from outside.
  std::optional<agenda::time_point> next();

  /// Time has passed.
  void look_at_clock();

  /// The process ends here and now: nothing of what is under way in it, and
  /// nothing of what follows from its end, reaches anything outside.
  void cut_off();

  /// Told to end in order: `done` is called when its jobs are handed back.
  void drain(std::function<void()> done);

  /// The rest of an orderly end: what was sent to the journal is committed.
  void stop();

  bool is_draining() const { return is_draining_; }

  /// False once it was cut off.
  const std::shared_ptr<bool>& alive() const { return alive_; }

  const environment& env() const { return *env_; }

  void send(const clone_order_ptr& order);
  void send(const job_order_ptr& order);

  /// What it holds although nothing is under way; empty: nothing.
  std::string left_over() const;

  /// Actors that are there without a job to work on; empty: none.
  std::string idle_actors();

private:
  void spawn();
  retained_time::options retention();
  /// Whether the service goes on without it.
  bool may_die(caf::resumable& next) const;
  void sabotage_environment(environment& env);
  caf::scheduler::test_coordinator& scheduler();
  void end_actors(caf::exit_reason why);

  const surroundings& around_;
  draws random_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<rehearsed_journal> store_;
  std::shared_ptr<call_turns> turns_;
  std::shared_ptr<environment> env_;
  root_supervisor_actor root_;
  intake_actor entrance_;
  recovery_actor recovery_;
  caf::actor listener_; ///< hears of the end of a drain
  caf::resumable* keeper_ = nullptr;
  std::optional<agenda::time_point> keeper_sleeps_;
  std::deque<caf::resumable*> asleep_;
  bool is_draining_ = false;
  std::vector<place> kept_; ///< by sabotage
  std::size_t always_ = 0;  ///< actors that are there without any job
};

} // namespace handoff::rehearsal
