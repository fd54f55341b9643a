#include "http/admin/flow_document.hpp"

#include "job/timestamp.hpp"

namespace handoff {

using nlohmann::json;

flow_changes changes_between(const flow_set& before, const flow_set& after) {
  flow_changes made;
  for (const auto& [name, now] : after) {
    const auto known = before.find(name);
    if (known == before.end())
      made.added.push_back(name);
    else if (known->second->version != now->version
             || known->second->hidden != now->hidden)
      made.changed.push_back(name);
  }
  for (const auto& [name, definition] : before)
    if (!after.contains(name))
      made.removed.push_back(name);
  return made;
}

json flow_document(const flows_in_force& all) {
  auto flows = json::array();
  for (const auto& [name, definition] : all.flows) {
    auto sub_actions = json::array();
    for (const auto& each : definition->sub_actions)
      sub_actions.push_back(each.name);
    const auto file = all.files.find(name);
    flows.push_back(
      {{"name", name},
       {"version", definition->version},
       {"file", file != all.files.end() ? json(file->second) : json(nullptr)},
       {"sub_actions", std::move(sub_actions)},
       {"deadline_ms", definition->deadline_limit.count()}});
  }
  return {{"flows", std::move(flows)}, {"loaded", timestamp(all.loaded)}};
}

json flow_document(const flows_in_force& all, const flow_changes& changes) {
  auto made = flow_document(all);
  made["added"] = changes.added;
  made["changed"] = changes.changed;
  made["removed"] = changes.removed;
  return made;
}

} // namespace handoff
