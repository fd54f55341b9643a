#include "actors/journal_keeper.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

caf::typed_response_promise<commit_done>
journal_keeper_state::enqueue(const events_ptr& events) {
  // The flush stands behind everything that is in the mailbox by now.
  if (promises.empty())
    self->send(self, flush_atom::value);
  waiting.insert(waiting.end(), events->begin(), events->end());
  promises.push_back(self->make_response_promise<commit_done>());
  return promises.back();
}

void journal_keeper_state::commit_all() {
  const auto events = std::exchange(waiting, {});
  const auto told = std::exchange(promises, {});
  const commit_done done{store->commit(events)};
  for (auto promise : told)
    promise.deliver(done);
  if (!done.failure && observe)
    std::for_each(events.begin(), events.end(), observe);
}

job_found journal_keeper_state::find(const std::string& id) {
  auto found = store->find(id);
  if (auto* failed = std::get_if<error>(&found))
    return {std::move(*failed), nullptr};
  auto& record = std::get<std::optional<job>>(found);
  if (!record)
    return {std::nullopt, nullptr};
  return {std::nullopt, std::make_shared<const job>(std::move(*record))};
}

journal_actor::behavior_type
journal_keeper(journal_keeper_state::self_pointer self,
               std::shared_ptr<journal> store,
               std::function<void(const job_event&)> observe) {
  self->state.store = std::move(store);
  self->state.observe = std::move(observe);
  return {
    [self](const events_ptr& events) { return self->state.enqueue(events); },
    [self](flush_atom) { self->state.commit_all(); },
    [self](find_atom, const std::string& id) { return self->state.find(id); },
  };
}

} // namespace handoff
