#include "tools/handoff/flow_choice.hpp"

#include <filesystem>

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
