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
  const activity::turn turn{options.watched, "a commit of the journal"};
  auto batches = std::exchange(waiting, {});
  const auto before = std::exchange(unknown, 0);
  crash_point("before-commit");
  const auto began = options.steady();
  std::size_t count = 0;
  std::vector<std::span<const job_event>> events;
  events.reserve(batches.size());
  for (const auto& each : batches) {
    events.emplace_back(*each);
    count += each->size();
  }
  auto outcomes = options.store->commit_all(events);
  const auto took = options.steady() - began;
  crash_point("after-commit");
  const auto failed =
    std::find_if(outcomes.begin(), outcomes.end(), [](const auto& each) {
      return each.status == commit_status::unavailable
          || each.status == commit_status::unknown
          || each.status == commit_status::fenced;
    });
  const auto failure =
    failed != outcomes.end() ? failed->failure : std::nullopt;
  if (options.committed)
    options.committed(
      count, std::chrono::duration_cast<std::chrono::microseconds>(took),
      !failure);
  const bool is_fenced =
    failed != outcomes.end() && failed->status == commit_status::fenced;
  auto told = std::exchange(promises, {});
  keep_unknown(batches, told, outcomes, before);
  const auto asked = tell(batches, std::move(told), outcomes);
  tell_health(failure);
  if (is_fenced)
    self->quit(caf::make_error(caf::sec::runtime_error, failure->detail));
  return asked;
}

void journal_keeper_state::keep_unknown(
  std::vector<events_ptr>& batches,
  std::vector<caf::typed_response_promise<commit_done>>& told,
  std::vector<batch_outcome>& outcomes, std::size_t before) {
  std::size_t kept = 0;
  for (std::size_t n = 0; n < outcomes.size(); ++n) {
    const auto status = outcomes[n].status;
    if (status == commit_status::unknown
        || (n < before && status == commit_status::unavailable)) {
      waiting.push_back(std::move(batches[n]));
      promises.push_back(std::move(told[n]));
      continue;
    }
    // Never to itself: that would empty it.
    if (kept != n) {
      batches[kept] = std::move(batches[n]);
      told[kept] = std::move(told[n]);
      outcomes[kept] = std::move(outcomes[n]);
    }
    ++kept;
  }
  batches.resize(kept);
  told.resize(kept);
  outcomes.resize(kept);
  unknown = waiting.size();
  if (unknown > 0)
    self->delayed_send(self, options.unknown_pause, flush_atom::value);
}

std::size_t journal_keeper_state::tell(
  const std::vector<events_ptr>& batches,
  std::vector<caf::typed_response_promise<commit_done>> told,
  const std::vector<batch_outcome>& outcomes) {
  std::size_t asked = 0;
  for (std::size_t n = 0; n < told.size(); ++n) {
    const bool is_done = outcomes[n].status == commit_status::done;
    asked += is_done && told[n].pending() ? 1 : 0;
    told[n].deliver(outcomes[n]);
  }
  if (options.observe)
    for (std::size_t n = 0; n < batches.size(); ++n)
      if (outcomes[n].status == commit_status::done)
        for (const auto& each : *batches[n])
          options.observe(each);
  return asked;
}

void journal_keeper_state::flush() {
  const auto crowd = commit_all();
  if (crowd < options.crowd)
    return;
  // A rest may take longer than it should where the processors are busy.
  const auto end = options.steady() + options.crowd_delay;
  for (auto left = options.crowd_delay;
       left.count() > 0 && options.steady() < end
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

caf::result<job_found> journal_keeper_state::find(const std::string& id) {
  // Who takes over from an actor that died must see what that one sent.
  const auto is_of_it = [&](const job_event& each) {
    return each.job == id;
  };
  if (std::any_of(waiting.begin(), waiting.end(), [&](const auto& events) {
        return std::any_of(events->begin(), events->end(), is_of_it);
      }))
    commit_all();
  return self->delegate(options.finder, find_atom::value, id);
}

jobs_acquired journal_keeper_state::acquire(const acquisition& wanted) {
  auto acquired = options.store->acquire(wanted);
  if (auto* failed = std::get_if<error>(&acquired))
    return {std::move(*failed), {}};
  jobs_acquired taken;
  for (auto& each : std::get<std::vector<job>>(acquired))
    taken.jobs.push_back(std::make_shared<const job>(std::move(each)));
  return taken;
}

job_claimed journal_keeper_state::claim(const std::string& id) {
  commit_all();
  const auto claimed = options.store->claim(id);
  if (const auto* failed = std::get_if<error>(&claimed))
    return {*failed, std::nullopt};
  const auto& owner = std::get<std::optional<journal_owner>>(claimed);
  return {std::nullopt,
          owner && *owner != options.store->owner() ? owner : std::nullopt};
}

void journal_keeper_state::release(const std::vector<std::string>& jobs,
                                   bool held_back) {
  // What was told of them is told before another owner has them.
  commit_all();
  // Where it fails they stay this owner's until it ends.
  options.store->release(jobs, held_back);
}

namespace {

/// Access to the state while one message is handled.
class keeper_turn : public within_turn<journal_keeper_state> {
public:
  explicit keeper_turn(journal_keeper_state& state)
      : within_turn{state.options.watched, journal_keeper_state::name, state} {
    fault_point(journal_keeper_state::name);
  }
};

} // namespace

journal_actor::behavior_type
journal_keeper(journal_keeper_state::self_pointer self,
               journal_keeper_options options) {
  self->state.options = std::move(options);
  self->state.measure();
  self->delayed_send(self, self->state.options.sweep_pause, sweep_atom::value);
  self->set_exit_handler([self](caf::exit_msg& exit) {
    // What came before the end has its commit, as nobody could repeat it.
    self->state.commit_all();
    self->quit(std::move(exit.reason));
  });
  const auto state = [self] {
    return keeper_turn{self->state};
  };
  return {
    [state](const events_ptr& events) { return state()->enqueue(events); },
    [state](flush_atom) { state()->flush(); },
    [state](find_atom, const std::string& id) { return state()->find(id); },
    [state](acquire_atom, const acquisition& wanted) {
      return state()->acquire(wanted);
    },
    [state](claim_atom, const std::string& id) { return state()->claim(id); },
    [state](release_atom, const std::vector<std::string>& jobs,
            bool held_back) { state()->release(jobs, held_back); },
    [state](sweep_atom) { state()->sweep(); },
    [state](again_atom) { state()->check(); },
  };
}

} // namespace handoff
