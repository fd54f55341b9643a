#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace handoff {

/// Something that happened to a job.
struct job_news {
  std::chrono::milliseconds at; ///< since the webhook was received
  std::string text;
};

/// What happened to a job until now, oldest first. Takes the document of
/// `GET /api/v1/jobs/{job}`; what it lacks is left out.
std::vector<job_news> news_of(const nlohmann::json& document);

struct job_view_options {
  std::size_t width = 80; ///< columns of the terminal; >= 40
  bool colour = false;
  /// The first line only.
  bool brief = false;
};

/// A job as lines for a terminal, none wider than it: one that sums it up, and
/// one with a bar for each sub-action, on a common time axis. A part of a bar
/// is `=` for an attempt that succeeded, `x` for one that failed, `>` for one
/// that runs, `.` for the wait between two.
std::vector<std::string> draw_job(const nlohmann::json& document,
                                  std::chrono::system_clock::time_point now,
                                  const job_view_options& options);

/// Whether nothing more happens to the job by itself: it is final or
/// ambiguous.
bool has_come_to_rest(const nlohmann::json& document);

} // namespace handoff
