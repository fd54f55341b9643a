#include "actors/journal_finder.hpp"

#include "job/crash_point.hpp"

#include <utility>

namespace handoff {

job_found journal_finder_state::find(const std::string& id) {
  auto found = options.reader->find(id);
  if (auto* failed = std::get_if<error>(&found))
    return {std::move(*failed), nullptr};
  auto& record = std::get<std::optional<job>>(found);
  if (!record)
    return {std::nullopt, nullptr};
  return {std::nullopt, std::make_shared<const job>(std::move(*record))};
}

key_found journal_finder_state::find_key(const std::string& flow,
                                         const std::string& key) {
  if (options.lookups)
    options.lookups->fetch_sub(1);
  auto found = options.reader->find_key(flow, key, options.now());
  if (auto* failed = std::get_if<error>(&found))
    return {std::move(*failed), std::nullopt, nullptr, std::nullopt};
  const auto& held = std::get<std::optional<key_holder>>(found);
  if (!held)
    return {};
  auto job = find(held->job);
  // A job that is forgotten holds nothing any more.
  if (!job.failure && !job.record)
    return {};
  key_found known{std::move(job.failure), held->claim, std::move(job.record),
                  std::nullopt};
  if (!known.record)
    return known;
  auto definition = options.reader->flow_definition(known.record->flow_version);
  if (auto* failed = std::get_if<error>(&definition))
    known.failure = std::move(*failed);
  else
    known.definition =
      std::get<std::optional<nlohmann::json>>(std::move(definition));
  return known;
}

std::vector<std::string>
journal_finder_state::past_clone(const std::vector<std::string>& jobs) {
  auto past = options.reader->past_clone(jobs);
  auto* const found = std::get_if<std::vector<std::string>>(&past);
  // Who waits asks again.
  return found != nullptr ? std::move(*found) : std::vector<std::string>{};
}

journal_finder_actor::behavior_type
journal_finder(journal_finder_state::self_pointer self,
               journal_finder_options options) {
  self->state.options = std::move(options);
  const auto state = [self]() -> journal_finder_state& {
    fault_point(journal_finder_state::name);
    return self->state;
  };
  return {
    [state](find_atom, const std::string& id) { return state().find(id); },
    [state](find_atom, const std::string& flow, const std::string& key) {
      return state().find_key(flow, key);
    },
    [state](find_atom, const std::vector<std::string>& jobs) {
      return state().past_clone(jobs);
    },
  };
}

} // namespace handoff
