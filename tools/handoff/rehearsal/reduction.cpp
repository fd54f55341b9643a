// How a run that broke a promise is made smaller.

#include "tools/handoff/rehearsal/rehearsal.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace handoff::rehearsal {
namespace {

using clock = std::chrono::steady_clock;

class reducer {
public:
  reducer(rehearsal_options known, std::string promise, clock::time_point until)
      : best_{std::move(known)}, promise_{std::move(promise)}, until_{until} {}

  bool has_time() const { return clock::now() < until_; }

  const rehearsal_options& best() const { return best_; }

  /// Takes `other` where it breaks the same promise.
  bool take(rehearsal_options other) {
    if (!has_time())
      return false;
    const auto done = rehearse(other);
    if (!done.broken || done.broken->what != promise_)
      return false;
    best_ = std::move(other);
    // What was to be sent afterwards was not needed.
    cut_to(done.broken->webhooks);
    return true;
  }

  /// Ends the run after so many webhooks, with the crashes and commands of the
  /// same number of webhooks before.
  void cut_to(std::uint64_t webhooks) {
    if (webhooks == 0 || webhooks >= best_.jobs)
      return;
    auto shorter = best_;
    shorter.jobs = webhooks;
    const auto part = [&](std::uint64_t all) {
      return (all * webhooks + best_.jobs - 1) / best_.jobs;
    };
    shorter.crashes = part(best_.crashes);
    shorter.commands = part(best_.commands);
    const auto done = rehearse(shorter);
    if (done.broken && done.broken->what == promise_)
      best_ = std::move(shorter);
  }

  /// Looks for other seeds that need few webhooks.
  void search() {
    for (const std::uint64_t jobs : {5, 10, 20, 50, 100, 200, 500, 1'000})
      for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        if (jobs >= best_.jobs || !has_time())
          return;
        auto other = best_;
        other.seed = seed;
        other.jobs = jobs;
        other.crashes =
          best_.crashes == 0
            ? 0
            : std::max<std::uint64_t>(2, best_.crashes * jobs / best_.jobs);
        other.commands = best_.commands == 0
                         ? 0
                         : std::max<std::uint64_t>(
                           jobs / 2, best_.commands * jobs / best_.jobs);
        if (take(std::move(other)))
          return;
      }
  }

  void leave_out_faults() {
    for (const auto each : {&fault_classes::upstreams, &fault_classes::journal,
                            &fault_classes::actors, &fault_classes::senders,
                            &fault_classes::slow, &fault_classes::drains,
                            &fault_classes::reloads, &fault_classes::clocks}) {
      if (!(best_.faults.*each))
        continue;
      auto less = best_;
      less.faults.*each = false;
      take(std::move(less));
    }
  }

  void leave_out(std::uint64_t rehearsal_options::*count) {
    for (const auto part : {0u, 1u, 2u, 3u}) {
      auto less = best_;
      less.*count = best_.*count * part / 4;
      if (less.*count < best_.*count && take(std::move(less)))
        return;
    }
  }

private:
  rehearsal_options best_;
  std::string promise_;
  clock::time_point until_;
};

} // namespace

rehearsal_options reduced(const rehearsal_options& options,
                          const broken_promise& broken,
                          std::chrono::milliseconds patience) {
  reducer work{options, broken.what, clock::now() + patience};
  work.search();
  if (work.best().jobs == options.jobs)
    work.cut_to(broken.webhooks);
  for (auto before = std::uint64_t{0};
       work.has_time() && before != work.best().jobs;) {
    before = work.best().jobs;
    work.leave_out_faults();
    work.leave_out(&rehearsal_options::crashes);
    work.leave_out(&rehearsal_options::commands);
    work.leave_out(&rehearsal_options::jobs);
  }
  return work.best();
}

} // namespace handoff::rehearsal
