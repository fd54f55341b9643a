#include "config/check.hpp"

#include "config/flow_loader.hpp"

#include <iterator>
#include <utility>

namespace handoff {

checked_configuration check(const std::optional<std::filesystem::path>& ini,
                            const std::vector<std::string>& overrides) {
  auto loaded = load_settings(ini, overrides);
  auto flows = load_flows(loaded.values);
  checked_configuration made{
    std::move(loaded.values),    std::move(loaded.caf),
    std::move(flows.flows),      std::move(loaded.errors),
    std::move(loaded.warnings),  std::move(flows.files),
    std::move(flows.connections)};
  const auto append = [](problems& to, problems& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()),
              std::make_move_iterator(from.end()));
  };
  append(made.errors, flows.errors);
  append(made.warnings, flows.warnings);
  return made;
}

} // namespace handoff
