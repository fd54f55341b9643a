#pragma once

#include "job/job.hpp"

#include <nlohmann/json.hpp>

namespace handoff {

/// A job with everything that is known of it, for the admin API. Headers that
/// carry credentials are masked.
nlohmann::json job_document(const job& record);

} // namespace handoff
