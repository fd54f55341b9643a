#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace handoff {

struct timeline_options {
  std::size_t width = 80; ///< columns of the terminal; >= 40
  bool colour = false;
};

/// A job as lines for a terminal, none wider than it. Takes the document of
/// `GET /api/v1/jobs/{job}`; what it lacks is left out.
///
/// A row for each attempt of the clone, for the reply and for each attempt of
/// each sub-action; one more for what is waiting, or was settled without an
/// attempt. All bars have one time axis, from the webhook to the last thing
/// that happened (or `now`, while the job goes on). In them stand `=` for an
/// attempt that succeeded, `x` for one that failed, `>` for one under way, `?`
/// for one whose end nobody knows, `.` for the wait before the next, `^` for
/// the reply and `:` for the deadline. Errors stand below their row.
std::vector<std::string>
draw_timeline(const nlohmann::json& document,
              std::chrono::system_clock::time_point now,
              const timeline_options& options);

} // namespace handoff
