#include "config/check.hpp"

#include "config/duration.hpp"
#include "config/flow_loader.hpp"

#include <iterator>
#include <utility>

namespace handoff {
namespace {

/// A job that is forgotten holds its key no longer: a webhook that comes again
/// would make another one.
void warn_of_short_retention(checked_configuration& made) {
  const auto keep = made.settings.journal.keep;
  for (const auto& [name, flow] : made.flows)
    if (flow->idempotency_keep > keep) {
      const auto file = made.flow_files.find(name);
      made.warnings.push_back(
        {file == made.flow_files.end() ? name : file->second,
         "/idempotency/keep",
         format_duration(flow->idempotency_keep)
           + " is longer than journal.keep of the settings ("
           + format_duration(keep) + "): keys are forgotten with their jobs"});
    }
}

} // namespace

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
  warn_of_short_retention(made);
  return made;
}

} // namespace handoff
