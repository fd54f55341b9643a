#include "http/admin/possible_commands.hpp"

#include "actors/commands.hpp"

#include <utility>

namespace handoff {

using nlohmann::json;

json possible_commands(const job& record, const result<flow_ptr>& own,
                       const flow_ptr& current, wall_time now) {
  job_order order;
  order.definition = own;
  const auto* compiled = std::get_if<flow_ptr>(&own);
  const auto definition = compiled != nullptr ? *compiled : flow_ptr{};
  const auto can = [&](job_command command) {
    const auto decided =
      decide(record, command, command_flow_of(order, definition), now);
    return std::holds_alternative<std::vector<job_event>>(decided);
  };
  auto subs = json::array();
  for (const auto& each : record.sub_actions)
    if (can(retry_command{each.name}))
      subs.push_back(each.name);
  json made{{"retry", can(retry_command{})},
            {"cancel", can(cancel_command{})},
            {"resolve", can(resolve_command{})},
            {"retry_current", false},
            {"retry_sub_actions", std::move(subs)}};
  if (current && current->version != record.flow_version) {
    order.current = current;
    made["retry_current"] = can(retry_command{std::nullopt, true});
  }
  return made;
}

} // namespace handoff
