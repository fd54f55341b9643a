#pragma once

#include "config/connection.hpp"
#include "config/secrets.hpp"
#include "job/exchange.hpp"
#include "job/job.hpp"

#include <memory>

namespace handoff {

/// What people see of the answer in `done`: its content type and the beginning
/// of its body, with the secrets of the flow and of the connection that the
/// call went through masked; `through` may be null. Null where no answer came.
std::shared_ptr<const answer_excerpt>
excerpt_of(const secrets& hidden, const exchange& done,
           const connection_ptr& through = nullptr);

} // namespace handoff
