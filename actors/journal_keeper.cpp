#include "actors/journal_keeper.hpp"

#include "job/crash_point.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace handoff {

caf::typed_response_promise<commit_done>
journal_keeper_state::enqueue(const events_ptr& events) {
  // The flush stands behind everything that is in the mailbox by now.
  if (promises.empty()) {
    if (options.commit_delay.count() > 0)
      self->delayed_send(self, options.commit_delay, flush_atom::value);
    else
      self->send(self, flush_atom::value);
  }
  waiting.push_back(events);
  promises.push_back(self->make_response_promise<commit_done>());
  return promises.back();
}

std::size_t journal_keeper_state::commit_all() {
  if (promises.empty())
    return 0; // a look-up was faster than the flush
  const auto batches = std::exchange(waiting, {});
  const auto told = std::exchange(promises, {});
  crash_point("before-commit");
  const auto began = std::chrono::steady_clock::now();
  std::size_t count = 0;
  std::vector<std::span<const job_event>> events;
  for (const auto& each : batches) {
    events.emplace_back(*each);
    count += each->size();
  }
  const commit_done done{options.store->commit_all(events)};
  const auto took = std::chrono::steady_clock::now() - began;
  crash_point("after-commit");
  if (options.committed)
    options.committed(
      count, std::chrono::duration_cast<std::chrono::microseconds>(took),
      !done.failure);
  const auto asked =
    std::count_if(told.begin(), told.end(),
                  [](const auto& promise) { return promise.pending(); });
  for (auto promise : told)
    promise.deliver(done);
  tell_health(done.failure);
  if (!done.failure && options.observe)
    for (const auto& batch : events)
      for (const auto& each : batch)
        options.observe(each);
  return done.failure ? 0 : static_cast<std::size_t>(asked);
}

void journal_keeper_state::flush() {
  const auto crowd = commit_all();
  if (crowd < options.crowd)
    return;
  // A rest may take longer than it should where the processors are busy.
  const auto end = std::chrono::steady_clock::now() + options.crowd_delay;
  for (auto left = options.crowd_delay;
       left.count() > 0 && std::chrono::steady_clock::now() < end
       && self->mailbox().size() < crowd;
       left -= options.crowd_look)
    options.rest(std::min(left, options.crowd_look));
}

void journal_keeper_state::tell_health(const std::optional<error>& failure) {
  if (failure.has_value() == is_failing)
    return;
  is_failing = failure.has_value();
  if (is_failing)
    self->delayed_send(self, options.check_pause, again_atom::value);
  if (options.health)
    options.health(failure);
}

void journal_keeper_state::check() {
  if (!is_failing)
    return;
  tell_health(options.store->check());
  if (is_failing)
    self->delayed_send(self, options.check_pause, again_atom::value);
}

job_found journal_keeper_state::find(const std::string& id) {
  // Who takes over from an actor that died must see what that one sent.
  const auto is_of_it = [&](const job_event& each) {
    return each.job == id;
  };
  if (std::any_of(waiting.begin(), waiting.end(), [&](const auto& events) {
        return std::any_of(events->begin(), events->end(), is_of_it);
      }))
    commit_all();
  auto found = options.store->find(id);
  if (auto* failed = std::get_if<error>(&found))
    return {std::move(*failed), nullptr};
  auto& record = std::get<std::optional<job>>(found);
  if (!record)
    return {std::nullopt, nullptr};
  return {std::nullopt, std::make_shared<const job>(std::move(*record))};
}

key_found journal_keeper_state::find_key(const std::string& flow,
                                         const std::string& key) {
  if (options.lookups)
    options.lookups->fetch_sub(1);
  auto found = options.store->find_key(flow, key, options.now());
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
  auto definition = options.store->flow_definition(known.record->flow_version);
  if (auto* failed = std::get_if<error>(&definition))
    known.failure = std::move(*failed);
  else
    known.definition =
      std::get<std::optional<nlohmann::json>>(std::move(definition));
  return known;
}

void journal_keeper_state::sweep() {
  const auto now = options.now();
  auto before = now - options.keep;
  if (options.keep_bytes > 0) {
    const auto bytes = options.store->bytes();
    const auto* used = std::get_if<std::uint64_t>(&bytes);
    if (used != nullptr && *used > options.keep_bytes)
      before = now;
  }
  const auto pruned = options.store->prune(before, now, options.sweep_step);
  const auto* count = std::get_if<std::size_t>(&pruned);
  const bool more = count != nullptr && *count == options.sweep_step;
  if (!more)
    options.store->maintain();
  self->delayed_send(self,
                     more ? std::chrono::milliseconds{10} : options.sweep_pause,
                     sweep_atom::value);
}

journal_actor::behavior_type
journal_keeper(journal_keeper_state::self_pointer self,
               journal_keeper_options options) {
  self->state.options = std::move(options);
  self->delayed_send(self, self->state.options.sweep_pause, sweep_atom::value);
  self->set_exit_handler([self](caf::exit_msg& exit) {
    // What came before the end has its commit, as nobody could repeat it.
    self->state.commit_all();
    self->quit(std::move(exit.reason));
  });
  const auto state = [self]() -> journal_keeper_state& {
    fault_point(journal_keeper_state::name);
    return self->state;
  };
  return {
    [state](const events_ptr& events) { return state().enqueue(events); },
    [state](flush_atom) { state().flush(); },
    [state](find_atom, const std::string& id) { return state().find(id); },
    [state](find_atom, const std::string& flow, const std::string& key) {
      return state().find_key(flow, key);
    },
    [state](sweep_atom) { state().sweep(); },
    [state](again_atom) { state().check(); },
  };
}

} // namespace handoff
