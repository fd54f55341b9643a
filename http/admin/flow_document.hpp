#pragma once

#include "http/ingress/flow_registry.hpp"

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
///                 "deadline_ms"}],
///      "loaded": TIME}
nlohmann::json flow_document(const flows_in_force& all);

/// The same with the members "added", "changed" and "removed".
nlohmann::json flow_document(const flows_in_force& all,
                             const flow_changes& changes);

} // namespace handoff
