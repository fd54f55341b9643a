#pragma once

#include "actors/environment.hpp"
#include "actors/event_writer.hpp"
#include "config/flow.hpp"
#include "job/job.hpp"
#include "job/plan.hpp"
#include "job/restart_intensity.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace handoff {

struct job_supervisor_options {
  environment_ptr env;
  flow_ptr definition;
  /// With its clone settled; whatever of its steps is not final is run.
  job record;
};

/// Runs the sub-actions of one job on a pool of sub-action actors, and decides
/// what follows each attempt: success, another attempt after a backoff, or
/// failure. Then it undoes what has to be undone, one compensation at a time.
/// Callbacks have a worker of their own, so that they hold up nothing; the job
/// has its final state without them.
///
/// A sub-action actor that dies is replaced, and its attempt made again without
/// being counted, until it has died too often (quarantine). When the job
/// supervisor itself dies, nobody knows its workers any more and they end with
/// their attempts; the root supervisor starts another from what the journal
/// has.
struct job_supervisor_state {
  using self_pointer =
    job_supervisor_actor::stateful_pointer<job_supervisor_state>;

  static inline const char* name = "job_supervisor";

  explicit job_supervisor_state(self_pointer actor) : self{actor} {}

  /// Ends the workers: one that outlived it would be a fourth beside those of
  /// its successor.
  ~job_supervisor_state();

  // -- decisions ------------------------------------------------------------

  void begin(job_supervisor_options options);
  /// Starts, skips and adds what the plan says; ends the job when all is final.
  void proceed();
  void start(step_ref step, std::size_t slot);
  void turn_came(turn_ptr turn, step_ref step);
  void make(std::size_t slot, turn_ptr turn);
  /// Lets all calls that wait for their turn go unsent.
  void give_up_turns();
  void attempt_ended(std::size_t slot, std::uint32_t number,
                     const exchange& done);
  void attempt_lost(std::size_t slot, std::uint32_t number);
  void worker_died(const caf::actor_addr& worker);
  void retry_due(step_ref step);
  void drain();
  void cancel();
  void obey(const job_order_ptr& order);

  // -- parts of them --------------------------------------------------------

  struct pool_slot {
    sub_action_actor worker;
    std::optional<step_ref> step; ///< what it works on
    attempt made;
    std::shared_ptr<outbound_call> call; ///< until it is made
    turn_ticket_ptr ticket;              ///< while it waits for its turn
  };

  /// What the flow says of a step.
  struct step_definition {
    /// Null: a callback.
    const request_template* request = nullptr;
    const retry_policy* retry = nullptr;
    bool keeps_answer = false;
  };

  void change(job_change change);
  void end_attempt(std::size_t slot, sub_action_status status, attempt made,
                   std::optional<error> failure, nlohmann::json answer,
                   std::optional<std::chrono::milliseconds> pause);
  void retry_or_fail(std::size_t slot, attempt made, error failure,
                     const exchange* done);
  void resume(step_kind kind);
  step_definition definition_of(step_ref step) const;
  result<outbound_call> build(step_ref step, std::uint32_t number) const;
  /// Adds compensations or callbacks, which begin once they are journaled.
  void add(steps_added steps);
  void add_compensations();
  void skip(const plan_step& plan);
  /// What may start now, if anything, and on which slot.
  std::optional<std::pair<step_ref, std::size_t>>
  next(const plan_step& plan) const;
  std::optional<std::size_t> free_slot(step_kind kind) const;
  bool is_done() const;
  void stop_workers();
  void finish_if_done();

  self_pointer self;
  environment_ptr env;
  flow_ptr definition;
  job record;
  std::vector<pool_slot> slots;
  std::vector<sub_action_rule> rules;
  std::map<step_ref, restart_intensity> crashes;
  std::unique_ptr<event_writer<self_pointer>> events;
  /// How many additions of steps are on their way to the journal.
  std::size_t saving = 0;
  bool draining = false;
  bool cancelled = false;
};

job_supervisor_actor::behavior_type
job_supervisor(job_supervisor_state::self_pointer self,
               job_supervisor_options options);

} // namespace handoff
