#pragma once

#include "http/outbound/transfer.hpp"

#include <functional>
#include <string_view>

namespace handoff {

/// Whom the request is for: what the call says (`Host`), else its upstream.
std::string_view authority_of(const transfer& work);

using field_taker =
  std::function<void(std::string_view name, std::string_view value)>;

/// Gives the other fields of its request: those of the call but for what is
/// this client's to write, and what goes with each.
void each_request_field(const transfer& work, const field_taker& take);

} // namespace handoff
