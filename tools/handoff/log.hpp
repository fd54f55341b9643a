#pragma once

#include "config/settings.hpp"
#include "job/event.hpp"
#include "tools/handoff/log_output.hpp"

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace handoff {

/// The job that a line is about: fields of its own in both formats. What is
/// empty is left out.
struct log_subject {
  std::string_view job;
  std::string_view flow;
  std::string_view trace_id;
  std::string_view step = {};
  std::uint32_t attempt = 0; ///< 0: about none
  int http_status = 0;       ///< 0: no answer
  std::string_view upstream = {};
};

/// Where the service's log goes: standard error, unless `options` says
/// otherwise. Lines that are missing are told of in the format of `[log]`.
std::shared_ptr<log_output> make_log_output(const log_settings& settings,
                                            log_output_options options = {});

/// A logger as `[log]` says: a line of text or a JSON object each, whatever is
/// in what it tells. Thread-safe, and waits for nobody.
std::shared_ptr<spdlog::logger> make_log(const log_settings& settings,
                                         std::shared_ptr<log_output> to);

/// Writes a line about a job.
void log_about(spdlog::logger& log, spdlog::level::level_enum level,
               const log_subject& about, std::string_view what);

/// Writes a line about a step of a job that an operator would want to know of.
void log_event(spdlog::logger& log, const job_event& event);

} // namespace handoff
