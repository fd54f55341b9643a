#pragma once

#include "actors/environment.hpp"
#include "actors/messages.hpp"
#include "actors/owned_job.hpp"
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
  /// Given back once the job waits or gets further; null: it was not recovered.
  place_ptr recovery_place = nullptr;
};

/// Brings one webhook to its UID: journals the job, asks for its turn, calls
/// the clone API, journals the UID together with all sub-actions, and only then
/// answers the sender and hands the job on.
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
  void admitted();
  /// Another job holds the key: the intake sees to it that the sender joins
  /// that one. False: there is no intake any more.
  bool give_back();
  void resume();
  void turn_granted(turn_ptr turn);
  void attempt_ended(const exchange& done);
  void prepare_ended(const exchange& done);
  void probe_ended(const exchange& done);
  /// Adds to why a step gives up what its last probe or poll came to.
  void tell_last(clone_step& step, std::string_view call,
                 const request_template& request, const exchange& done) const;
  void poll_ended(const exchange& done);
  void next_due();
  void drain();
  void obey(const job_order_ptr& command);

  // -- parts of them --------------------------------------------------------

  /// Has the next attempt or probe made, as soon as it has its turn.
  void ask_turn();
  /// A turn, if there is one at once.
  turn_ptr take_turn();
  void make_attempt(turn_ptr turn);
  void make_prepare(turn_ptr turn);
  void make_probe(turn_ptr turn);
  void make_poll(turn_ptr turn);
  /// The upstream works on the clone: it is asked for from now on.
  void accept(attempt made, answer_reading reading, const exchange& done);
  /// What is known when an attempt was too early.
  early_attempt early() const;
  void finish(std::optional<attempt> made, nlohmann::json uid,
              nlohmann::json kept_answer);
  void settle(std::optional<attempt> made, job_status status, error failure);
  /// The clone is settled and journaled: tells the sender and ends.
  void conclude();
  void follow(const clone_step& wanted, std::optional<attempt> made);
  attempt new_attempt() const;
  /// Tells the sender of the job now, instead of at the deadline, if what comes
  /// next can hardly be done by then: there is nothing to wait for.
  void let_sender_go(const clone_step& step);
  bool sender_waits() const;
  void observe(const exchange& done, bool is_good);
  /// What the flow and the connection find in the answer to `request`. One that
  /// refuses the token has another fetched.
  answer_reading read(const request_template& request, const exchange& done);
  /// Has the upstream left alone for as long as it asked.
  void pause_upstream(const clone_verdict& verdict, const clone_step& step);
  /// From now on, secrets are as their files are now.
  void take_fresh_secrets();
  const request_template& request_of_next() const;
  std::string upstream_of_next() const;
  /// Whether calls have to be made before the next attempt.
  bool needs_prepare() const;
  /// The next of them.
  const prepare_template& prepare_step() const;
  result<outbound_call> build_prepare() const;
  /// What follows one of them that was not answered well.
  clone_step after_prepare(const sub_action_verdict& verdict,
                           const exchange& done);
  result<outbound_call> build_poll() const;
  /// Notes a call beside the attempts, for operators. `finding` says what came
  /// of it; an answer that did not bring what was asked for is kept.
  void note_inquiry(std::string called, const request_template& request,
                    const exchange& done, std::string_view finding,
                    const std::optional<error>& failure, bool is_good);
  /// The attempt that is under way, as one that never got anywhere.
  attempt cut_short(error why) const;
  result<outbound_call> build_attempt() const;
  void send(outbound_call call, turn_ptr turn,
            void (clone_state::*ended)(const exchange&));
  void hand_back();
  void rest();
  void leave_recovery();
  void answer(reply what);
  reply accepted_reply() const;
  reply cloned_reply() const;
  void watch_outcome();

  self_pointer self;
  environment_ptr env;
  clone_order_ptr order;
  root_supervisor_actor root;
  std::optional<owned_job<self_pointer>> record;
  clone_rules rules;
  /// What is due when it has its turn.
  clone_action next = clone_action::attempt;
  attempt under_way;
  wall_time asked_at; ///< when the last call beside the attempts began
  /// What the calls before the clone have answered so far, by name.
  nlohmann::json prepared = nlohmann::json::object();
  std::uint32_t prepare_counted = 0; ///< attempts of the one that is due
  std::uint32_t prepare_throttled = 0;
  std::optional<wall_time> prepare_throttled_since;
  std::uint32_t gone = 0; ///< polls in a row that were told so
  /// When this actor first had to probe: in place of polls, after an attempt,
  /// or after a restart.
  std::chrono::steady_clock::time_point probe_began;
  turn_ticket_ptr ticket; ///< while it waits for its turn
  waiting_steps::note note;
  /// A turn that came before the job was journaled.
  turn_ptr early_turn;
  place_ptr recovery_place;
  bool token_renewed = false; ///< by the last answer
  bool admitting = false;     ///< the job is on its way to the journal
  bool draining = false;
  bool pausing = false;
  bool ended = false; ///< it has told what came of it
  /// The sender has been told of the job, or is being.
  bool sender_gone = false;
};

clone_actor::behavior_type clone(clone_state::self_pointer self,
                                 clone_options options);

} // namespace handoff
