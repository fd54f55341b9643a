#pragma once

#include "actors/places.hpp"
#include "actors/responder.hpp"
#include "config/flow.hpp"
#include "job/clone_traffic.hpp"
#include "job/command.hpp"
#include "job/event.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"
#include "journal/journal.hpp"

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// What actors say to each other. Nothing here ever leaves the process, so that
// values travel as they are, shared and immutable where they are large.

namespace handoff {

/// A webhook that the endpoint has admitted, or a job whose clone goes on after
/// a crash.
struct clone_order {
  flow_ptr definition;
  /// Fresh: not journaled yet. Else as the journal has it.
  job record;
  bool fresh = true;
  /// Null when no sender waits.
  responder_ptr responder;
  /// When the sender is told the UID, or else the job.
  responder::time_point answer_by;
  /// Until when it must be journaled: later, the sender has been refused. Not
  /// before `answer_by`.
  responder::time_point journal_by;
  /// The sender asked not to be held (RFC 7240, section 4.1).
  bool respond_async = false;
  /// What of the sender's `Prefer` is honoured; goes into the answer.
  std::string preference_applied;
  /// Of the failed job whose key it takes over; committed with it.
  std::vector<job_event> released = {};
  /// The intake that it came from; it takes orders back.
  caf::actor_addr intake = {};
  /// Its place among the unfinished jobs.
  place_ptr job_place = nullptr;
  /// The memory that it takes.
  place_ptr bytes_place = nullptr;
  /// Where its clone stands in line. Who works on the order has it to itself.
  std::shared_ptr<clone_place> place = std::make_shared<clone_place>();
};

using clone_order_ptr = std::shared_ptr<const clone_order>;

/// A job that the actor which worked on it has done its part of, for whoever is
/// next: `next_of` its record says who.
struct released_job {
  flow_ptr definition;
  job record;
};

using released_job_ptr = std::shared_ptr<const released_job>;

/// Events to be made durable together, in this order.
using events_ptr = std::shared_ptr<const std::vector<job_event>>;

/// What became of them.
using commit_done = batch_outcome;

/// What the journal has of one job.
struct job_found {
  std::optional<error> failure;
  job_ptr record; ///< null: not known
};

/// Jobs that this owner of the journal works on from now on.
struct jobs_acquired {
  std::optional<error> failure;
  std::vector<job_ptr> jobs;
};

/// Whether a job is this node's: nobody else writes to it then.
struct job_claimed {
  std::optional<error> failure;
  /// The other node that has it, if one does.
  std::optional<journal_owner> other;
};

/// Who holds an idempotency key, and its job.
struct key_found {
  std::optional<error> failure;
  std::optional<idempotency_claim> claim; ///< none: the key is free
  job_ptr record;
  /// The definition that the job started with, if it is known.
  std::optional<nlohmann::json> definition;
};

/// What an operator wants to be done with a job.
struct job_order {
  std::string job;
  job_command command;
  /// The one that the job started with, or why it cannot be had: then the job
  /// can be cancelled and nothing else.
  result<flow_ptr> definition;
  /// The flow as it is now, where the command asks for it; else null.
  flow_ptr current;
  responder_ptr responder;
};

using job_order_ptr = std::shared_ptr<const job_order>;

/// A job that the service takes up again after a start.
struct recovered_job {
  std::string job;
  flow_ptr definition;
  std::string trace_id = {}; ///< for the log
  place_ptr job_place = nullptr;
  place_ptr bytes_place = nullptr; ///< the memory that it takes
  /// Its place among those that the recovery takes up at once, which it gives
  /// back when it waits for something or gets further.
  place_ptr recovery_place = nullptr;
};

using recovered_job_ptr = std::shared_ptr<const recovered_job>;

/// How the service is, for the admin API.
struct supervision_report {
  std::size_t clones = 0;
  std::size_t jobs = 0;
};

} // namespace handoff

CAF_BEGIN_TYPE_ID_BLOCK(handoff, first_custom_type_id)

CAF_ADD_ATOM(handoff, handoff, find_atom, "find")
CAF_ADD_ATOM(handoff, handoff, acquire_atom, "acquire")
CAF_ADD_ATOM(handoff, handoff, claim_atom, "claim")
CAF_ADD_ATOM(handoff, handoff, release_atom, "release")
CAF_ADD_ATOM(handoff, handoff, again_atom, "again")
CAF_ADD_ATOM(handoff, handoff, drain_atom, "drain")
CAF_ADD_ATOM(handoff, handoff, drained_atom, "drained")
CAF_ADD_ATOM(handoff, handoff, report_atom, "report")
CAF_ADD_ATOM(handoff, handoff, save_atom, "save")
CAF_ADD_ATOM(handoff, handoff, flush_atom, "flush")
CAF_ADD_ATOM(handoff, handoff, sweep_atom, "sweep")
CAF_ADD_ATOM(handoff, handoff, next_atom, "next")
CAF_ADD_ATOM(handoff, handoff, turn_atom, "turn")
CAF_ADD_ATOM(handoff, handoff, granted_atom, "granted")
CAF_ADD_ATOM(handoff, handoff, taken_atom, "taken")

CAF_END_TYPE_ID_BLOCK(handoff)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::clone_order_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::released_job_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::outbound_call_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::exchange_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::turn_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::events_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::commit_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::acquisition)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::jobs_acquired)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_claimed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::journal_owner)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::key_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_order_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::step_ref)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::recovered_job_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::supervision_report)
