#pragma once

#include "config/flow.hpp"
#include "http/ingress/verifier.hpp"
#include "tools/handoff/request_file.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace handoff {

/// What the service does with a request.
enum class request_outcome { job, handshake, ignored, refused };

std::string_view name(request_outcome outcome) noexcept;

/// What the service would answer, as far as the request and the flow decide it:
/// not what the journal knows of its key, nor what becomes of the clone.
struct rehearsed_answer {
  request_outcome outcome = request_outcome::refused;
  /// 0: it is the clone that decides.
  int status = 0;
  /// Why the request is refused; else empty.
  std::string why;
  /// What was looked at, in the order in which the service does.
  verify_notes notes;
};

/// Looks at the request as the service would that gets it `at` that time, with
/// bodies of at most `body_bytes_max`. No secret is in what it says.
rehearsed_answer rehearse(const flow_ptr& definition,
                          const recorded_request& request, wall_time at,
                          std::size_t body_bytes_max);

} // namespace handoff
