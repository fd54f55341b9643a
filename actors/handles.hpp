#pragma once

#include "actors/messages.hpp"

#include <caf/typed_actor.hpp>

namespace handoff {

/// Makes HTTP calls. One thread of its own behind it waits for all of them.
using outbound_actor = caf::typed_actor<
  // Makes the call; always answers, within patience + timeout, with what came
  // of it, a failure being no error.
  caf::replies_to<outbound_call_ptr>::with<exchange_ptr>>;

/// Reads the journal beside its commits, and waits for none: sees what was
/// durable when it looked.
using journal_finder_actor = caf::typed_actor<
  // What is known of the job with this id.
  caf::replies_to<find_atom, std::string>::with<job_found>,
  // Who holds this key of this flow.
  caf::replies_to<find_atom, std::string, std::string>::with<key_found>,
  // Which of these jobs are past their clone or not known.
  caf::replies_to<find_atom,
                  std::vector<std::string>>::with<std::vector<std::string>>>;

/// Owns the journal.
using journal_actor = caf::typed_actor<
  // Makes the events durable before it answers.
  caf::replies_to<events_ptr>::with<commit_done>,
  // To itself: commit what has come in.
  caf::reacts_to<flush_atom>,
  // What is known of the job with this id, with all that was sent here before:
  // for who takes over from an actor that died, and for who does not know what
  // became of a commit.
  caf::replies_to<find_atom, std::string>::with<job_found>,
  // Takes up jobs that nobody works on.
  caf::replies_to<acquire_atom, acquisition>::with<jobs_acquired>,
  // Makes this job this node's unless another one has it, which it says.
  caf::replies_to<claim_atom, std::string>::with<job_claimed>,
  // Lets go of jobs for any owner to take; if true, not for this one.
  caf::reacts_to<release_atom, std::vector<std::string>, bool>,
  // To itself: forget what is old enough.
  caf::reacts_to<sweep_atom>,
  // To itself: see whether commits that failed succeed again.
  caf::reacts_to<again_atom>>;

/// Brings commands to the other nodes that work on their jobs, and theirs to
/// this one. There is one only where nodes share the journal.
using order_courier_actor = caf::typed_actor<
  // Brings a command to that node and answers the responder.
  caf::reacts_to<job_order_ptr, journal_owner>,
  // To itself: see what has come.
  caf::reacts_to<next_atom>>;

/// Makes one attempt at a time of a sub-action.
using sub_action_actor = caf::typed_actor<
  // Has the call made; the answer is what came of it.
  caf::replies_to<outbound_call_ptr>::with<exchange_ptr>>;

/// Runs the sub-actions of one job.
using job_supervisor_actor = caf::typed_actor<
  // This step is due for its next attempt.
  caf::reacts_to<again_atom, step_ref>,
  // This step has its turn.
  caf::reacts_to<granted_atom, step_ref, turn_ptr>,
  // Does what an operator wants with the job and answers the responder; the
  // answer to this message only says that it has come.
  caf::replies_to<job_order_ptr>::with<taken_atom>,
  // Tries once more to journal what is not journaled yet.
  caf::reacts_to<save_atom>,
  // Begins nothing more, and ends when what is under way has ended.
  caf::reacts_to<drain_atom>>;

/// Brings one webhook to its UID.
using clone_actor = caf::typed_actor<
  // The next attempt (or probe) is due.
  caf::reacts_to<again_atom>,
  // The attempt (or probe) that is next has its turn.
  caf::reacts_to<granted_atom, turn_ptr>,
  // As for a job supervisor, and so are the others.
  caf::replies_to<job_order_ptr>::with<taken_atom>, caf::reacts_to<save_atom>,
  caf::reacts_to<drain_atom>>;

/// Where admitted webhooks arrive: sees to it that an idempotency key makes one
/// job.
using intake_actor =
  caf::typed_actor<caf::reacts_to<clone_order_ptr>,
                   // Of a clone actor: another job was found to hold this
                   // order's key when it was committed.
                   caf::reacts_to<again_atom, clone_order_ptr>,
                   // To itself: looks again which jobs that others clone are
                   // past that.
                   caf::reacts_to<next_atom>>;

/// The root of the tree: clone actors and job supervisors are its children.
using root_supervisor_actor = caf::typed_actor<
  // Starts a clone actor.
  caf::reacts_to<clone_order_ptr>,
  // Has whoever is next go on with a job.
  caf::reacts_to<released_job_ptr>,
  // Takes a job up again after a start.
  caf::reacts_to<recovered_job_ptr>,
  // Does what an operator wants and answers the responder.
  caf::reacts_to<job_order_ptr>,
  // A child that died is due to be started again, from the journal.
  caf::reacts_to<again_atom, std::string>,
  // Drains all children; answers when the last one has ended.
  caf::replies_to<drain_atom>::with<drained_atom>,
  caf::replies_to<report_atom>::with<supervision_report>,
  // To itself: a turn of `request_deadlines` has passed.
  caf::reacts_to<turn_atom>,
  // To itself: others have had their turn.
  caf::reacts_to<next_atom>>;

} // namespace handoff
