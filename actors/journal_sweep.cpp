// How the journal keeper forgets what is old enough.

#include "actors/journal_keeper.hpp"

#include <cstdint>
#include <utility>
#include <variant>

namespace handoff {

void journal_keeper_state::measure() {
  if (!options.measures)
    return;
  // What cannot be read stays as it was: that it cannot is told elsewhere.
  const auto bytes = options.store->bytes();
  if (const auto* known = std::get_if<std::uint64_t>(&bytes))
    options.measures->bytes = *known;
  const auto page =
    options.store->list({.status = job_status::ambiguous,
                         .limit = journal_measures::ambiguous_max});
  if (const auto* known = std::get_if<job_page>(&page))
    options.measures->ambiguous = known->jobs.size();
}

void journal_keeper_state::sweep() {
  const auto now =
    options.retained_now ? options.retained_now() : options.now();
  auto before = now - options.keep;
  if (options.keep_bytes > 0) {
    const auto bytes = options.store->bytes();
    const auto* used = std::get_if<std::uint64_t>(&bytes);
    // Room is needed, whatever the clock says.
    if (used != nullptr && *used > options.keep_bytes)
      before = options.now();
  }
  const auto pruned = options.store->prune(before, now, options.sweep_step);
  const auto* count = std::get_if<std::size_t>(&pruned);
  const bool more = count != nullptr && *count == options.sweep_step;
  if (!more) {
    options.store->maintain();
    measure();
  }
  self->delayed_send(self,
                     more ? std::chrono::milliseconds{10} : options.sweep_pause,
                     sweep_atom::value);
}

} // namespace handoff
