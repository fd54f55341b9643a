#pragma once

#include "actors/call_builder.hpp"
#include "actors/environment.hpp"
#include "actors/handles.hpp"
#include "actors/messages.hpp"
#include "actors/owned_job.hpp"
#include "job/follow_up.hpp"
#include "job/restart_intensity.hpp"
#include "job/step_plan.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace handoff {

struct job_supervisor_options {
  environment_ptr env;
  /// Null: the definition cannot be had, so that the job can only be cancelled.
  flow_ptr definition;
  job record;
  root_supervisor_actor root;
  /// What operators want of it already, to be done first.
  std::vector<job_order_ptr> orders = {};
  /// Given back once the job waits or gets further; null: it was not recovered.
  place_ptr recovery_place = nullptr;
  /// The service drains: nothing is begun.
  bool draining = false;
};

/// Runs the sub-actions of one job on a pool of sub-action actors, then what
/// undoes them, one compensation at a time. Callbacks have a worker of their
/// own, so that they hold up nothing; the job has its final state without them.
///
/// What happens next is a function of the record alone (`changes_due`,
/// `next_step`). A step asks for its turn first; when it has it, its attempt is
/// journaled and made. A step that waits for its turn holds no worker.
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
  /// Brings about what the record calls for, and begins what may begin.
  void proceed();
  void turn_granted(step_ref step, turn_ptr turn);
  void attempt_ended(std::size_t slot, std::uint32_t number,
                     const exchange& done);
  void attempt_lost(std::size_t slot, std::uint32_t number);
  void worker_died(const caf::actor_addr& worker);
  void retry_due(step_ref step);
  void drain();
  void obey(const job_order_ptr& order);
  /// The same, without looking whether the job is over.
  void take(const job_order_ptr& order);

  // -- parts of them --------------------------------------------------------

  struct pool_slot {
    sub_action_actor worker;
    std::optional<step_ref> step; ///< what it works on
    attempt made;
  };

  /// A step that has asked for its turn.
  struct waiting_turn {
    std::string upstream;
    turn_ticket_ptr ticket;
    waiting_steps::note note;
  };

  /// What the flow says of a step.
  struct step_definition {
    /// Null: a callback.
    const request_template* request = nullptr;
    const retry_policy* retry = nullptr;
    bool keeps_answer = false;
    /// Names of the fields that are kept of its answer; null: none.
    const std::set<std::string>* kept_headers = nullptr;
  };

  /// The step that says what `step` is an element of: itself, or of a
  /// compensation what it undoes.
  const step_record& undone_by(step_ref step) const;

  /// Ends the attempts of an earlier process, and waits for the next ones.
  void resume(step_kind kind);
  void settle();
  void set_rules();
  /// What is due once a sub-action with `for_each` was made into its elements.
  void elements_known(step_ref whole);
  /// Whether nothing that the sub-action comes after is still to be done. Of
  /// one that was attempted, another definition may say that it comes later.
  bool is_free(std::size_t at) const;
  /// What `next_step` says of the record as it is.
  const plan_step& plan() const;
  void wait_for_next_attempt(step_ref step);
  step_definition definition_of(step_ref step) const;
  const std::string& upstream_of_step(step_ref step) const;
  result<outbound_call> build(step_ref step, std::uint32_t number,
                              wall_time began) const;

  /// The steps that may begin an attempt now, in the order in which they do.
  std::vector<step_ref> ready() const;
  bool is_ready(step_ref step) const;
  /// Gives whether anything that began has ended by now.
  bool begin_ready();
  void withdraw_turns();
  /// Begins the step if it has its turn at once.
  void ask_turn(step_ref step, std::size_t slot);
  void start(step_ref step, std::size_t slot, turn_ptr turn,
             std::string upstream);
  /// Whether the step could come to be skipped, once it is begun and a crash
  /// has made the service forget that.
  bool may_be_skipped(step_ref step) const;
  void send(std::size_t slot, outbound_call call);
  void end_attempt(std::size_t slot, step_ended change);
  /// Notes a look for what a step waits for, for operators.
  void note_look(const step_result& result, const exchange& done);
  /// An attempt found that what is waited for is not there yet.
  void go_on_waiting(std::size_t slot, step_result result);
  /// What the conditions and loops of the flow make of a step whose turn has
  /// come, if there is one: it is skipped, or made once for each element.
  std::optional<job_change> choice_due() const;
  /// What the flow says of a sub-action, or of what it is an element of; null
  /// if it does not have it any more.
  const sub_action_template* sub_action_of(std::size_t index) const;
  std::optional<step_element> element_of_step(step_ref step) const;
  std::optional<std::size_t> free_slot(step_kind kind) const;
  bool is_under_way(step_ref step) const;
  bool is_idle() const;
  bool is_done() const;
  void rest();
  void leave_recovery();
  void stop_workers();
  void finish_if_done();

  self_pointer self;
  environment_ptr env;
  flow_ptr definition;
  root_supervisor_actor root;
  std::optional<owned_job<self_pointer>> record;
  follow_up_rules rules;
  mutable plan_step planned;
  /// The revision of the record that `planned` is of.
  mutable std::optional<std::uint64_t> planned_at;
  std::vector<pool_slot> slots;
  std::map<step_ref, waiting_turn> waiting;
  /// Whose pause before the next attempt is over.
  std::set<step_ref> due;
  std::map<step_ref, restart_intensity> crashes;
  place_ptr recovery_place;
  /// How many additions of steps are on their way to the journal.
  std::size_t saving = 0;
  bool draining = false;
  bool ended = false; ///< the record is with whoever is next
};

job_supervisor_actor::behavior_type
job_supervisor(job_supervisor_state::self_pointer self,
               job_supervisor_options options);

} // namespace handoff
