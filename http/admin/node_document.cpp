#include "http/admin/node_document.hpp"

#include "actors/replies.hpp"
#include "job/timestamp.hpp"

#include <nlohmann/json.hpp>

#include <utility>
#include <variant>

namespace handoff {

reply nodes_reply(journal_reader& reader) {
  const auto found = reader.nodes();
  if (const auto* failed = std::get_if<error>(&found))
    return problem_reply(*failed);
  auto nodes = nlohmann::json::array();
  for (const auto& each : std::get<std::vector<node_summary>>(found))
    nodes.push_back({{"no", each.number},
                     {"name", each.name},
                     {"state", name(each.state)},
                     {"version", each.version},
                     {"started", timestamp(each.started)},
                     {"lease_left_ms", each.lease_left.count()},
                     {"jobs", each.jobs}});
  return json_reply(200, {{"nodes", std::move(nodes)}});
}

} // namespace handoff
