#include "config/connection_registry.hpp"

namespace handoff {

connection_ptr connection_registry::find(std::string_view name) {
  const auto all = connections_.load();
  const auto known = all->find(name);
  if (known == all->end())
    return nullptr;
  if (known->second->files.empty() || !known->second->files.have_changed())
    return known->second;
  const std::scoped_lock lock{change_};
  const auto now = connections_.load();
  const auto old = now->find(name);
  if (old == now->end())
    return nullptr;
  if (!old->second->files.have_changed())
    return old->second;
  auto again = read_again(*old->second, defaults_);
  if (again == nullptr)
    return old->second;
  auto made = std::make_shared<connection_set>(*now);
  (*made)[std::string{name}] = again;
  put(std::move(made));
  return again;
}

void connection_registry::replace(connection_set connections) {
  const std::scoped_lock lock{change_};
  put(std::make_shared<const connection_set>(std::move(connections)));
}

void connection_registry::put(
  const std::shared_ptr<const connection_set>& connections) {
  connections_.store(connections);
  for (const auto& told : changed_)
    told(*connections);
}

} // namespace handoff
