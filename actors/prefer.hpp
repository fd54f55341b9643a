#pragma once

#include "job/exchange.hpp"

#include <chrono>
#include <optional>

namespace handoff {

/// What a sender prefers (RFC 7240), of what this service can honour.
struct preferences {
  bool respond_async = false;
  std::optional<std::chrono::seconds> wait;
};

/// Reads all `Prefer` fields. What is in quotes is a value, whatever is in it.
/// Of a preference that comes twice the first counts (section 2); what is
/// unknown or malformed is ignored, as it has to be.
preferences read_preferences(const headers& fields);

} // namespace handoff
