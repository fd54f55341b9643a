#include "http/admin/connection_document.hpp"

#include "job/timestamp.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace handoff {
namespace {

using nlohmann::json;

std::string_view name_of(connection_auth::kind type) {
  constexpr std::array<std::string_view, 5> names{"none", "bearer", "basic",
                                                  "query", "oauth2"};
  return names[static_cast<std::size_t>(type)];
}

json time_or_null(const std::optional<wall_time>& time) {
  return time ? json(timestamp(*time)) : json(nullptr);
}

json token_document(const connection_state& state) {
  if (!state.token)
    return nullptr;
  const auto& token = *state.token;
  const auto& hidden = state.connection->hidden;
  return {{"valid", token.is_valid},
          {"valid_until", time_or_null(token.valid_until)},
          {"last_error", token.last_error
                           ? json(masked(hidden, *token.last_error))
                           : json(nullptr)},
          {"last_error_at", time_or_null(token.last_error_at)},
          {"chain_lost", token.is_chain_lost},
          {"requests", token.requests},
          {"failures", token.failures}};
}

} // namespace

json connection_document(const connection_sources& sources) {
  auto all = json::array();
  const auto counts =
    sources.upstreams ? sources.upstreams() : std::vector<upstream_counts>{};
  const auto states = sources.connections ? sources.connections()
                                          : std::vector<connection_state>{};
  for (const auto& state : states) {
    const auto& connection = *state.connection;
    const auto known =
      std::find_if(counts.begin(), counts.end(), [&](const auto& each) {
        return each.host == connection.name;
      });
    const bool is_known = known != counts.end();
    all.push_back({{"name", connection.name},
                   {"url", masked(connection.hidden, connection.url)},
                   {"auth", name_of(connection.auth.type)},
                   {"token", token_document(state)},
                   {"breaker", is_known ? known->breaker : "closed"},
                   {"in_flight", is_known ? known->in_flight : 0},
                   {"waiting", is_known ? known->waiting : 0}});
  }
  return {{"connections", std::move(all)}};
}

} // namespace handoff
