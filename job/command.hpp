#pragma once

#include "job/event.hpp"
#include "job/plan.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace handoff {

/// Make what failed once more.
struct retry_command {
  /// Only this sub-action.
  std::optional<std::string> sub_action = {};
  /// By the flow as it is now, not as the job started with it.
  bool current_definition = false;
};

/// Begin nothing more.
struct cancel_command {};

/// Settle an ambiguous clone: its UID, or null for "make it again".
struct resolve_command {
  nlohmann::json uid = nullptr;
  /// What `{{clone/...}}` is from then on; with a UID only.
  nlohmann::json answer = nullptr;
  /// Not "make it again" but "ask for it again": of one that was accepted.
  bool poll = false;
};

using job_command =
  std::variant<retry_command, cancel_command, resolve_command>;

/// What a command needs to know of the flow that it is decided by.
struct command_flow {
  std::vector<std::string> sub_actions; ///< their names, in their order
  std::vector<sub_action_rule> rules;   ///< as long
  /// Of the flow as it is now, where the command asks for that.
  std::optional<definition_changed> change = {};
  /// For how long an accepted clone is asked for; none: it is not polled.
  std::optional<std::chrono::milliseconds> poll_limit = {};
  /// An expression on the clone's answer that needs it; empty: there is none.
  std::string needs_answer = {};
  /// Sub-actions with a `for_each` that `change` makes other elements of.
  std::vector<std::string> regrouped = {};
};

/// Decides what a command does to a job, whatever its state and whatever is
/// under way: the events that it becomes. Nothing of it holds before these are
/// committed; what follows from them is `next_of` the record and its plan.
///
/// Errors: `conflict` if the job's state does not allow it, or if `flow` is an
/// error (why the job's definition cannot be had) and the command is no cancel,
/// which needs none; `invalid_request` if the command names what the job does
/// not have.
result<std::vector<job_event>> decide(const job& record,
                                      const job_command& command,
                                      const result<command_flow>& flow,
                                      wall_time now);

/// What an operator is told that a job is once its command is committed: the
/// name of its status, "cancelling" while an attempt of a cancelled job is
/// under way.
std::string_view status_after_command(const job& record);

/// What settles a job that cannot go on: its clone as ambiguous where it may
/// have been sent, as failed where it was not, or whatever of its steps is not
/// final as failed.
std::vector<job_event> give_up(const job& record, const error& why,
                               wall_time now);

} // namespace handoff
