#include "config/fresh_flows.hpp"

#include <utility>
#include <variant>

namespace handoff {

flow_ptr fresh_flows::now(const flow_ptr& known) {
  if (known == nullptr || known->files.empty() || !known->files.have_changed())
    return known;
  const std::scoped_lock lock{mutex_};
  const auto found = by_version_.find(known->version);
  if (found != by_version_.end() && !found->second->files.have_changed())
    return found->second;
  const auto& last = found != by_version_.end() ? found->second : known;
  auto compiled = compile_(known->definition);
  auto* made = std::get_if<flow_ptr>(&compiled);
  if (made == nullptr)
    return last;
  auto fresh = std::make_shared<flow>(**made);
  // What was hidden stays so: what proves a sender is not in a journaled
  // definition, and an old value may still be in an answer.
  hide_also(fresh->hidden, last->hidden);
  // A webhook that comes is proved by the flow that is in force, not by this.
  fresh->verify = known->verify;
  if (by_version_.size() >= kept_max)
    by_version_.clear();
  by_version_[known->version] = fresh;
  return fresh;
}

} // namespace handoff
