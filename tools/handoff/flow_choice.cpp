#include "tools/handoff/flow_choice.hpp"

#include "config/flow_loader.hpp"

#include <filesystem>
#include <memory>

namespace handoff {

checked_configuration given_configuration(const arguments& given) {
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  return check(ini, given.overrides);
}

flow_ptr chosen_flow(const checked_configuration& checked,
                     const std::string& name, std::string& failed) {
  if (!checked.errors.empty()) {
    failed = to_string(checked.errors[0]);
    return nullptr;
  }
  if (name.ends_with(".json")) {
    auto defaults = defaults_of(checked.settings);
    defaults.connections =
      std::make_shared<const connection_set>(checked.connections);
    auto loaded = load_flow(name, defaults);
    if (!loaded.flow)
      failed = to_string(loaded.errors.at(0));
    return loaded.flow;
  }
  const auto found = checked.flows.find(name);
  if (found != checked.flows.end())
    return found->second;
  failed = "no flow is called \"" + name + "\"";
  const char* before = "; there are ";
  for (const auto& [known, definition] : checked.flows) {
    failed += before + known;
    before = ", ";
  }
  return nullptr;
}

} // namespace handoff
