#pragma once

#include "job/event.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace handoff {

/// Make what failed once more.
struct retry_command {
  /// Only this sub-action, with what was skipped because of it.
  std::optional<std::string> sub_action;
};

/// Begin nothing more.
struct cancel_command {};

/// Settle an ambiguous clone: its UID, or null for "make it again".
struct resolve_command {
  nlohmann::json uid;
};

using job_command =
  std::variant<retry_command, cancel_command, resolve_command>;

/// How a job that nobody works on goes on after a command.
enum class command_effect : std::uint8_t {
  none,  ///< it stays as the events leave it
  clone, ///< another attempt of its clone
  steps, ///< its sub-actions and what follows them are run
};

struct command_decision {
  std::vector<job_event> events;
  command_effect effect = command_effect::none;
};

/// Decides what a command does to a job that is final or ambiguous. Error
/// `conflict` if its state does not allow it, `invalid_request` if the command
/// speaks of what the job does not have. `sub_actions` are those of its flow.
result<command_decision> decide(const job& record, const job_command& command,
                                const std::vector<std::string>& sub_actions,
                                wall_time now);

/// What settles a job that cannot go on: its clone as ambiguous, since it may
/// have been sent, or whatever of its steps is not final as failed.
std::vector<job_event> give_up(const job& record, const error& why,
                               wall_time now);

} // namespace handoff
