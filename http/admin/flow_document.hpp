#pragma once

#include "http/admin/flow_history.hpp"
#include "http/ingress/flow_registry.hpp"
#include "http/ingress/shown_values.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace handoff {

/// What came of a reload, by the names of flows.
struct flow_changes {
  std::vector<std::string> added;
  /// Those whose definition, or a secret of it, is another one.
  std::vector<std::string> changed;
  std::vector<std::string> removed;
};

flow_changes changes_between(const flow_set& before, const flow_set& after);

/// The flows for the admin API; never a secret:
///
///     {"flows": [{"name", "version", "file", "sub_actions": [NAME],
///                 "deadline_ms", "sender", "verify", "shown": [{"at",
///                 "value"}]}],
///      "loaded": TIME}
///
/// `shown` may be null.
nlohmann::json flow_document(const flows_in_force& all,
                             const shown_values* shown = nullptr);

/// What is told of flows that are asked for by themselves.
struct flow_document_options {
  /// What stands before /hooks/NAME in the URL for senders.
  std::string senders_url;
  /// What happened to them. May be null.
  const flow_history* history = nullptr;
  /// What handshakes brought. May be null.
  const shown_values* shown = nullptr;
  bool wants_definitions = false;
};

/// The same with "url", "last_webhook", "last_hour" and, where it is wanted,
/// "definition": the flow as its author wrote it, without "verify" and with
/// references to secrets in place of these.
nlohmann::json flow_document(const flows_in_force& all,
                             const flow_document_options& options);

/// The same with the members "added", "changed" and "removed".
nlohmann::json flow_document(const flows_in_force& all,
                             const flow_changes& changes);

} // namespace handoff
