#pragma once

#include "job/job.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace handoff {

/// The job was admitted; its first clone attempt is about to be made.
struct job_accepted {
  explicit job_accepted(job made = {},
                        std::shared_ptr<const nlohmann::json> flow = nullptr)
      : record{std::make_shared<const job>(std::move(made))},
        definition{std::move(flow)} {}

  /// Not null. By itself, as it is several times as large as all else that an
  /// event may hold.
  job_ptr record;
  /// The flow as its author wrote it, stored once for each version.
  std::shared_ptr<const nlohmann::json> definition;
};

/// A clone attempt is about to be sent.
struct clone_attempt_begun {
  attempt made;
};

/// A clone attempt brought no UID, and the job goes on trying.
struct clone_attempt_ended {
  attempt made;
  std::optional<wall_time> next_attempt;
};

/// The UID is known. The sub-actions begin to exist here, in one step with it.
struct clone_succeeded {
  std::optional<attempt> made; ///< none: found by a probe or given by a person
  nlohmann::json uid;
  nlohmann::json answer;
  std::vector<std::string> sub_actions;
};

/// The clone is settled without a UID: the job is now `status`.
struct clone_settled {
  std::optional<attempt> made;
  job_status status = job_status::failed; ///< failed, ambiguous or cancelled
  error failure;
};

/// Somebody wants a clone that was given up to be made again. Whatever became
/// of its last attempt is settled by that.
struct clone_reopened {};

/// Somebody wants the job cancelled while an attempt is under way, which cannot
/// be taken back: nothing else begins.
struct cancel_requested {};

/// From now on the job follows another definition of its flow. What has
/// succeeded stays; the rest is what the definition says. A job that is over is
/// taken up again where that leaves something to do, or nothing that failed.
struct definition_changed {
  std::string version;
  /// As that of `job_accepted`; null where a journal gives the event back.
  std::shared_ptr<const nlohmann::json> definition;
  /// The names of its sub-actions, in their order.
  std::vector<std::string> sub_actions;
  /// False where an older release wrote the event: then it does not make a job
  /// go on by itself, and elements that have not succeeded are forgotten.
  bool goes_on = true;
};

/// The upstream has taken the clone on and works on it: from now on it is asked
/// what became of it, until the end that `accepted` has.
struct clone_accepted {
  attempt made;
  accepted_clone accepted;
};

/// The calls that the flow makes before its clone have been answered.
struct clone_prepared {
  /// What the flow refers to of their answers, by name: an object.
  nlohmann::json answers;
};

/// A call that the flow makes before its clone was told "not now": it is made
/// again then, also after a restart.
struct prepare_postponed {
  wall_time next_attempt;
};

/// Somebody wants an accepted clone of unknown outcome to be asked for again,
/// until `ends`.
struct polling_resumed {
  wall_time ends;
};

/// The elements of a sub-action with `for_each` are known: a step for each
/// comes to be, behind those that the job has.
struct steps_expanded {
  step_ref step;
  std::size_t count = 0;
};

/// A step's call has succeeded, but what it waits for is not there yet. It is
/// asked for until `ends`; that is not journaled.
struct wait_begun {
  step_ref step;
  attempt made;
  wall_time ends;
  wall_time next_look;
};

struct step_begun {
  step_ref step;
  attempt made;
};

/// An attempt of a step ended, which makes the step `status`.
struct step_ended {
  step_ref step;
  attempt made;
  sub_action_status status = sub_action_status::succeeded;
  nlohmann::json answer;
  std::optional<error> failure;
  std::optional<wall_time> next_attempt;
};

/// A step became `skipped`, `cancelled` or `failed` without an attempt, or is
/// due again because somebody asked for another try (`waiting`): `retrying` if
/// it has been attempted before.
struct step_settled {
  step_ref step;
  sub_action_status status = sub_action_status::skipped;
  std::optional<error> failure;
};

/// Compensations or callbacks are to follow those that the job has.
struct steps_added {
  step_kind kind = step_kind::compensation;
  std::vector<std::string> names;
};

struct job_finished {
  job_status status = job_status::succeeded;
};

struct sender_replied {
  int status = 0;
  bool written = false;
};

/// A start of the service takes the job up again. Whatever ends or settles a
/// part of the job takes this back: it got further.
struct job_recovered {};

/// A job that a start took up waits for something, so that it is not what may
/// end the process. Takes the last `job_recovered` back, until its next attempt
/// begins.
struct job_rested {};

/// The service stops in order and lets go of the job, which is no sign that the
/// job ends the process.
struct job_handed_back {};

/// The sender was refused after all, so that its key is free for another job.
struct key_released {
  std::string key;
};

using job_change =
  std::variant<job_accepted, clone_attempt_begun, clone_attempt_ended,
               clone_succeeded, clone_settled, step_begun, step_ended,
               step_settled, job_finished, sender_replied, job_recovered,
               job_handed_back, key_released, clone_reopened, steps_added,
               cancel_requested, definition_changed, job_rested, clone_accepted,
               wait_begun, clone_prepared, polling_resumed, steps_expanded,
               prepare_postponed>;

/// An inquiry of a job's clone or of one of its steps.
struct step_inquiry {
  std::optional<step_ref> step; ///< none: of the clone
  inquiry made;
};

/// A step in the life of a job. The journal is a sequence of them.
struct job_event {
  std::string job;
  wall_time at;
  job_change change;
  /// Of the job, for those who tell of the event; none is journaled with it,
  /// and a journal does not give them back.
  std::string flow = {};
  std::string trace_id = {};
  /// The name of the step that it is of; empty for an event of no single step.
  std::string step = {};
  /// What was asked since the event before: it is journaled with it, so that
  /// to ask costs no commit.
  std::vector<step_inquiry> inquiries = {};
};

/// An event of this job.
job_event make_event(const job& record, wall_time at, job_change change);

/// The step that it is of; null for an event of no single step.
const step_ref* step_of(const job_change& change);

/// Brings `record` forward by `event`; gives whether that changed anything.
/// Attempts are told apart by number, so that an event that comes twice changes
/// nothing, and no more does one of a step that the job does not have, nor one
/// that adds steps which it has. A new attempt of a sub-action or compensation,
/// or one that is settled as `waiting`, takes a finished job up again; a UID
/// that is known and a step that has succeeded stay.
bool apply(job& record, const job_event& event);

} // namespace handoff
