#include "tools/handoff/rehearsal/flow_book.hpp"

#include "tools/handoff/rehearsal/flows.hpp"

#include <memory>
#include <utility>

namespace handoff::rehearsal {

flow_book::flow_book(const rehearsal_options& options) : options_{options} {
  if (options.flows.empty())
    editions_ = own_flows(options.settings);
  else
    editions_.push_back(options.flows);
  for (const auto& edition : editions_)
    for (const auto& each : edition)
      by_version_.emplace(each->version, each);
  for (const auto& each : editions_.front())
    current_.push_back(served(each));
}

flow_ptr flow_book::current(std::string_view name) const {
  for (const auto& each : current_)
    if (each->name == name)
      return each;
  return nullptr;
}

flow_ptr flow_book::written(std::string_view version) const {
  const auto known = by_version_.find(version);
  return known != by_version_.end() ? known->second : nullptr;
}

flow_ptr flow_book::served(const flow_ptr& written) const {
  const bool repeats = options_.broken == sabotage::repeat_clones;
  if (!repeats && options_.broken != sabotage::impatient_probes)
    return written;
  auto changed = std::make_shared<flow>(*written);
  if (repeats) {
    changed->clone.probe.reset();
    changed->clone.safe_to_repeat = true;
  } else if (changed->clone.probe) {
    changed->clone.probe->rules.limit = std::chrono::milliseconds{0};
  }
  return changed;
}

result<flow_ptr> flow_book::compiled(const nlohmann::json& definition) const {
  for (const auto& [version, each] : by_version_)
    if (each->definition == definition)
      return served(each);
  return error{error_kind::internal, "no flow has this definition"};
}

void flow_book::reload(draws& random) {
  for (std::size_t number = 0; number < current_.size(); ++number) {
    const auto& edition = editions_[random.below(editions_.size())];
    current_[number] = served(edition[number]);
  }
}

} // namespace handoff::rehearsal
