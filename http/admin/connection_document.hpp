#pragma once

#include "http/outbound/outbound_client.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <vector>

namespace handoff {

/// Where the state of connections is to be had; both may be null: there are
/// none.
struct connection_sources {
  std::function<std::vector<connection_state>()> connections;
  std::function<std::vector<upstream_counts>()> upstreams;
};

/// What `GET /api/v1/connections` answers: each connection with its token, its
/// breaker and its calls. Never a secret.
nlohmann::json connection_document(const connection_sources& sources);

} // namespace handoff
