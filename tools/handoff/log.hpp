#pragma once

#include "config/settings.hpp"
#include "job/event.hpp"

#include <spdlog/logger.h>

#include <memory>

namespace handoff {

/// A logger that writes to standard error, as `[log]` says: a line of text or a
/// JSON object each. Thread-safe.
std::shared_ptr<spdlog::logger> make_log(const log_settings& settings);

/// Writes a line about a step of a job that an operator would want to know of.
void log_event(spdlog::logger& log, const job_event& event);

} // namespace handoff
