#pragma once

#include "config/settings.hpp"
#include "job/event.hpp"

#include <spdlog/logger.h>

#include <memory>
#include <string_view>

namespace handoff {

/// The job that a line is about: fields of its own in both formats. What is
/// empty is left out.
struct log_subject {
  std::string_view job;
  std::string_view flow;
  std::string_view trace_id;
};

/// A logger that writes to standard error, as `[log]` says: a line of text or a
/// JSON object each, whatever is in what it tells. Thread-safe.
std::shared_ptr<spdlog::logger> make_log(const log_settings& settings);

/// Writes a line about a job.
void log_about(spdlog::logger& log, spdlog::level::level_enum level,
               const log_subject& about, std::string_view what);

/// Writes a line about a step of a job that an operator would want to know of.
void log_event(spdlog::logger& log, const job_event& event);

} // namespace handoff
