#pragma once

#include "config/settings.hpp"
#include "http/outbound/outbound_client.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace handoff {

/// What `[upstream]` says, for the outbound client.
outbound_options outbound_options_of(const settings& from);

/// Asks for the calls to each upstream, whenever it is called.
std::function<std::vector<upstream_counts>()>
counts_of(std::shared_ptr<const call_turns> turns);

/// Asks for the state of each connection; there is none once the client is
/// gone.
std::function<std::vector<connection_state>()>
states_of(const std::weak_ptr<const outbound_client>& client);

} // namespace handoff
