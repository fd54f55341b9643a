#include "tools/handoff/outbound_settings.hpp"

#include <utility>

namespace handoff {

outbound_options outbound_options_of(const settings& from) {
  const auto& upstream = from.upstream;
  outbound_options options;
  options.governor.max_calls = upstream.max_calls;
  options.governor.reserved_for_clones = upstream.reserved_for_clones;
  options.governor.rate = upstream.rate;
  options.governor.shared = upstream.shared;
  options.governor.breaker_failures = upstream.breaker_failures;
  options.governor.breaker_open = upstream.breaker_open;
  options.connect_timeout = upstream.connect_timeout;
  options.private_networks_allowed = upstream.private_networks_allowed;
  options.ca = upstream.ca;
  options.proxy = upstream.proxy;
  options.http2 = upstream.http2;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  return options;
}

std::function<std::vector<upstream_counts>()>
counts_of(std::shared_ptr<const call_turns> turns) {
  return [turns = std::move(turns)] {
    return turns->counts();
  };
}

std::function<std::vector<connection_state>()>
states_of(const std::weak_ptr<const outbound_client>& client) {
  return [client] {
    const auto alive = client.lock();
    return alive ? alive->connections() : std::vector<connection_state>{};
  };
}

} // namespace handoff
