#pragma once

#include "actors/responder.hpp"
#include "job/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace handoff {

/// The answer that reports `what`: `application/problem+json` (RFC 9457) with
/// `type` (a relative reference that ends in the kind's name), `title`,
/// `status`, `detail`, and `job` if there is one. Bytes of the detail that are
/// not UTF-8 are replaced.
reply problem(const error& what, std::string_view job = {});

/// The same, with the members of `extras` (an object) as extension members
/// (RFC 9457, section 3.2). Members that the standard names win over extras.
reply problem(const error& what, std::string_view job,
              const nlohmann::json& extras);

} // namespace handoff
