#include "http/admin/flow_document.hpp"

#include "config/references.hpp"
#include "job/credential.hpp"
#include "job/timestamp.hpp"

#include <optional>
#include <string>
#include <utility>

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

namespace {

json or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json times(const std::optional<flow_facts::percentiles>& found) {
  return {{"p50", found ? json(found->p50.count()) : json()},
          {"p95", found ? json(found->p95.count()) : json()}};
}

bool is_reference(const json& value) {
  return value.is_string()
      && has_reference(value.get_ref<const std::string&>());
}

/// Masks secrets that are no references.
void hide_secrets(json& value) {
  if (!value.is_structured())
    return;
  for (auto& [key, member] : value.items()) {
    const bool is_secret =
      value.is_object() && (is_credential_member(key) || key == "secrets");
    if (is_secret && member.is_array()) {
      for (auto& each : member)
        if (!is_reference(each))
          each = "***";
    } else if (is_secret && member.is_string() && !is_reference(member)) {
      member = "***";
    } else {
      hide_secrets(member);
    }
  }
}

json facts_of(const flow_facts& facts) {
  return {{"accepted", facts.accepted},
          {"succeeded", facts.succeeded},
          {"failed", facts.failed},
          {"clone_ms", times(facts.clone)},
          {"reply_ms", times(facts.reply)}};
}

} // namespace

json flow_document(const flows_in_force& all, const shown_values* shown) {
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
       {"deadline_ms", definition->deadline_limit.count()},
       {"sender", or_null(definition->sender)},
       {"verify", definition->verify_scheme.empty()
                    ? json("none")
                    : json(definition->verify_scheme)},
       {"shown", shown != nullptr ? shown->of(name) : json::array()}});
  }
  return {{"flows", std::move(flows)}, {"loaded", timestamp(all.loaded)}};
}

json flow_document(const flows_in_force& all,
                   const flow_document_options& options) {
  auto made = flow_document(all, options.shown);
  for (auto& each : made["flows"]) {
    const auto& name = each["name"].get_ref<const std::string&>();
    const auto facts =
      options.history != nullptr ? options.history->of(name) : flow_facts{};
    each["url"] = options.senders_url + "/hooks/" + name;
    each["last_webhook"] =
      facts.last_webhook ? json(timestamp(*facts.last_webhook)) : json(nullptr);
    each["last_hour"] = facts_of(facts);
    if (options.wants_definitions) {
      auto definition = all.flows.find(name)->second->definition;
      hide_secrets(definition);
      each["definition"] = std::move(definition);
    }
  }
  return made;
}

json flow_document(const flows_in_force& all, const flow_changes& changes) {
  auto made = flow_document(all);
  made["added"] = changes.added;
  made["changed"] = changes.changed;
  made["removed"] = changes.removed;
  return made;
}

} // namespace handoff
