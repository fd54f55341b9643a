#pragma once

#include "actors/responder.hpp"
#include "job/command.hpp"

#include <string>
#include <string_view>

namespace handoff {

/// A command as it is brought to another node, in JSON.
std::string text_of(const job_command& command);

/// Error `invalid_request`: it is of a release that knows others.
result<job_command> command_from(std::string_view text);

/// An answer to it on its way back, in JSON.
std::string text_of(const reply& answer);

/// What is no such answer is told as 500.
reply reply_from(std::string_view text);

} // namespace handoff
