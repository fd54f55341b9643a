#pragma once

#include "config/connection.hpp"
#include "config/secrets.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <cstddef>
#include <memory>

namespace handoff {

/// How much is shown of an answer that says "not yet": thousands of jobs may
/// wait, and each keeps one.
inline constexpr std::size_t waiting_excerpt_bytes_max = 512;

/// What people see of the answer in `done`: its content type and the first
/// `bytes_max` of its body, with the secrets of the flow and of the connection
/// that the call went through masked; `through` may be null. Null where no
/// answer came.
std::shared_ptr<const answer_excerpt>
excerpt_of(const secrets& hidden, const exchange& done,
           const connection_ptr& through = nullptr,
           std::size_t bytes_max = excerpt_bytes_max);

} // namespace handoff
