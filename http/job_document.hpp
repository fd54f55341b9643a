#pragma once

#include "job/job.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace handoff {

/// A point in time as text, in UTC to the millisecond (RFC 3339).
std::string timestamp(wall_time when);

/// A job with everything that is known of it, for the admin API. Headers that
/// carry credentials are masked.
nlohmann::json job_document(const job& record);

} // namespace handoff
