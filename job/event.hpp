#pragma once

#include "job/job.hpp"

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace handoff {

/// The job was admitted; its first clone attempt is about to be made.
struct job_accepted {
  job record;
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

struct sub_action_begun {
  std::size_t index = 0;
  attempt made;
};

/// An attempt of a sub-action ended, which makes it `status`.
struct sub_action_ended {
  std::size_t index = 0;
  attempt made;
  sub_action_status status = sub_action_status::succeeded;
  nlohmann::json answer;
  std::optional<error> failure;
  std::optional<wall_time> next_attempt;
};

/// A sub-action became `skipped`, `cancelled` or `failed` without an attempt,
/// or `waiting` again because somebody asked for another try.
struct sub_action_settled {
  std::size_t index = 0;
  sub_action_status status = sub_action_status::skipped;
  std::optional<error> failure;
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

/// A person wants another attempt of a clone that failed or is ambiguous.
struct clone_ordered {};

/// The service stops in order and lets go of the job, which is no sign that the
/// job ends the process.
struct job_handed_back {};

/// The sender was refused after all, so that its key is free for another job.
struct key_released {
  std::string key;
};

using job_change =
  std::variant<job_accepted, clone_attempt_begun, clone_attempt_ended,
               clone_succeeded, clone_settled, sub_action_begun,
               sub_action_ended, sub_action_settled, job_finished,
               sender_replied, job_recovered, job_handed_back, key_released,
               clone_ordered>;

/// A step in the life of a job. The journal is a sequence of them.
struct job_event {
  std::string job;
  wall_time at;
  job_change change;
};

/// Brings `record` forward by `event`; gives whether that changed anything.
/// Attempts are told apart by number, so that an event that comes twice changes
/// nothing, and no more does one of a sub-action that the job does not have. A
/// new attempt, or a sub-action that is settled as `waiting`, takes a finished
/// job up again; a UID that is known and a sub-action that has succeeded stay.
bool apply(job& record, const job_event& event);

} // namespace handoff
