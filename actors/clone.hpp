#pragma once

#include "actors/environment.hpp"
#include "actors/event_writer.hpp"
#include "config/flow.hpp"
#include "job/clone_plan.hpp"
#include "job/job.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

struct clone_options {
  environment_ptr env;
  clone_order_ptr order;
  root_supervisor_actor root;
};

/// Brings one webhook to its UID: journals the job, calls the clone API,
/// journals the UID together with all sub-actions, and only then answers the
/// sender and hands the job on.
///
/// When it dies, the root supervisor starts another from what the journal has.
/// The sender is answered all the same: the responder keeps the deadline by
/// itself.
struct clone_state {
  using self_pointer = clone_actor::stateful_pointer<clone_state>;

  static inline const char* name = "clone";

  explicit clone_state(self_pointer actor) : self{actor} {}

  // -- decisions ------------------------------------------------------------

  void begin(clone_options options);
  void admit();
  void resume();
  void make_attempt();
  void attempt_ended(const exchange& done);
  void make_probe();
  void probe_ended(const exchange& done);
  void finish(std::optional<attempt> made, nlohmann::json uid,
              nlohmann::json answer);
  void settle(std::optional<attempt> made, job_status status, error failure);
  void next_due();
  void drain();
  void cancel();

  // -- parts of them --------------------------------------------------------

  void change(job_change what);
  void follow(const clone_step& step, std::optional<attempt> made);
  /// The number of the attempt that comes next.
  std::uint32_t upcoming() const;

  attempt new_attempt() const;
  /// Tells the sender of the job now, instead of at the deadline, if what comes
  /// next can hardly be done by then: there is nothing to wait for.
  void let_sender_go(const clone_step& step);
  void observe(const exchange& done, bool is_good);
  std::string upstream_of_next() const;
  /// The attempt that is under way, as one that never got anywhere.
  attempt cut_short(error why) const;
  /// Makes the call once it has a turn.
  void send(std::shared_ptr<outbound_call> call,
            void (clone_state::*ended)(const exchange&));
  void turn_came(turn_ptr turn);
  /// Lets the call that waits for its turn go unsent, if there is one.
  void give_up_turn();
  void cancel_sub_actions();
  /// Gives the job to the root supervisor, for its steps.
  void hand_on();
  void answer(reply what);
  reply accepted_reply() const;
  reply cloned_reply() const;
  void watch_outcome();

  self_pointer self;
  environment_ptr env;
  clone_order_ptr order;
  root_supervisor_actor root;
  job record;
  clone_rules rules;
  /// What is due when the pause is over.
  clone_action next = clone_action::attempt;
  attempt under_way;
  std::uint32_t probes = 0;
  /// What waits for its turn, or has it.
  std::shared_ptr<outbound_call> upcoming_call;
  void (clone_state::*call_ended)(const exchange&) = nullptr;
  turn_ticket_ptr ticket; ///< while it waits
  std::unique_ptr<event_writer<self_pointer>> events;
  bool draining = false;
  bool cancelled = false;
  bool pausing = false;
  /// The sender has been told of the job, or is being.
  bool sender_gone = false;
};

clone_actor::behavior_type clone(clone_state::self_pointer self,
                                 clone_options options);

} // namespace handoff
