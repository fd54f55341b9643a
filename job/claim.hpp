#pragma once

#include "job/job.hpp"

namespace handoff {

/// Whether the job has let its idempotency key go to another job: a webhook
/// that came again after it had failed.
inline bool is_released(const idempotency_claim& claim) {
  return claim.expires == wall_time{};
}

} // namespace handoff
