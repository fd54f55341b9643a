#pragma once

#include "actors/environment.hpp"
#include "job/restart_intensity.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace handoff {

/// Owns the clone actors and the job supervisors, at most one of them a job.
///
/// A child that dies is started again from what the journal has of its job,
/// after a pause; one that dies too often is given up on and its job settled,
/// with the reason. It also sees to the deadlines of what actors ask each
/// other. When the root supervisor itself dies the service stops: it is started
/// with the priority of everything else.
struct root_supervisor_state {
  using self_pointer =
    root_supervisor_actor::stateful_pointer<root_supervisor_state>;

  static inline const char* name = "root_supervisor";

  explicit root_supervisor_state(self_pointer actor) : self{actor} {}

  /// Ends the children, so that what they hold is answered.
  ~root_supervisor_state();

  /// A job that somebody works on, or is about to.
  struct child {
    flow_ptr definition; ///< null: it cannot be had
    /// Those that retries by the current definition brought: the job may follow
    /// one of them by now.
    std::vector<flow_ptr> changed = {};
    /// With the responder; null once the UID is known.
    clone_order_ptr order = nullptr;
    /// Null before it is started, and between death and restart.
    caf::strong_actor_ptr actor = nullptr;
    /// Its place among the unfinished jobs.
    place_ptr job_place = nullptr;
    place_ptr bytes_place = nullptr; ///< the memory that it takes
    /// Its place in the recovery, for the actor that works on it first.
    place_ptr recovery_place = nullptr;
    /// Whether the job was claimed, and is to be let go of at the end: it may
    /// have nothing left to do.
    bool is_claimed = false;
    /// What operators want of it while nobody works on it.
    std::vector<job_order_ptr> orders = {};
    std::optional<restart_intensity> deaths = {};
  };

  // -- decisions ------------------------------------------------------------

  void start_clone(clone_order_ptr order);
  void released(const released_job_ptr& job);
  /// Starts job supervisors, some in a turn of its own: where many clones end
  /// at once, the others, whose senders wait, have theirs in between.
  void start_jobs();
  /// While it drains, none is started any more: the next start goes on with
  /// them.
  void hand_back_jobs();
  void hand_back(const handoff::job& record);
  void recover(const recovered_job& recovered);
  void obey(const job_order_ptr& order);
  void child_down(const caf::down_msg& down);
  void restart_due(const std::string& job);
  /// Another node works on it: what operators want of it is brought there.
  void job_is_elsewhere(const std::string& job, journal_owner owner);
  void job_found_again(const std::string& job, const job_found& found);
  void give_up(const std::string& job, const job_found& found);
  void job_ended(const std::string& job);
  caf::typed_response_promise<drained_atom> drain();
  /// Another second of the deadlines of requests.
  void turn();
  void next_turn();
  supervision_report report() const;

  // -- parts of them --------------------------------------------------------

  void watch_deadlines();
  child& entry_of(const std::string& job);
  template <class Handle>
  void adopt(const std::string& job, const Handle& actor);
  /// Has the actor go on with the job that its record calls for.
  void go_on(const std::string& job, handoff::job record);
  void resume_clone(const std::string& job, handoff::job record);
  void start_supervisor(const std::string& job, handoff::job record);
  void answer_sender(child& entry, const handoff::job& record);
  /// Makes a job that nobody works on this owner's, and goes on with it.
  void acquire(const std::string& job);
  void deliver_orders(const std::string& job);
  void order_bounced(const job_order_ptr& order,
                     const caf::strong_actor_ptr& asked);
  void refuse_orders(child& entry, const error& why);
  using looked_up = std::function<void(const std::string&, const job_found&)>;
  void look_up(const std::string& job, looked_up then);

  self_pointer self;
  environment_ptr env;
  std::unordered_map<std::string, child> children;
  std::unordered_map<caf::actor_addr, std::string> job_of;
  /// Whose job supervisors are not started yet; `max-jobs` bounds them.
  std::deque<released_job_ptr> cloned_jobs;
  std::size_t started_in_turn = 0;
  std::vector<caf::typed_response_promise<drained_atom>> drained;
  bool draining = false;
};

root_supervisor_actor::behavior_type
root_supervisor(root_supervisor_state::self_pointer self, environment_ptr env);

} // namespace handoff
