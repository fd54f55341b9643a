// How the journal keeper forgets what is old enough.

#include "actors/journal_keeper.hpp"

#include <algorithm>
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

bool journal_keeper_state::is_over_keep_bytes() const {
  if (options.keep_bytes == 0)
    return false;
  const auto bytes = options.store->bytes();
  const auto* used = std::get_if<std::uint64_t>(&bytes);
  return used != nullptr && *used > options.keep_bytes;
}

void journal_keeper_state::sweep() {
  const auto now =
    options.retained_now ? options.retained_now() : options.now();
  auto before = now - options.keep;
  auto limit = options.sweep_step;
  if (is_over_keep_bytes()) {
    // Room is needed, whatever the clock says; but no more is forgotten than
    // has to be. How much room a job gives is seen by trying.
    before = options.now();
    limit = std::min(room_step, options.sweep_step);
    room_step = std::min(2 * limit, options.sweep_step);
  } else {
    room_step = 1;
  }
  const auto pruned = options.store->prune(before, now, limit);
  const auto* count = std::get_if<std::size_t>(&pruned);
  const bool more = count != nullptr && *count == limit;
  if (!more) {
    options.store->maintain();
    measure();
  }
  self->delayed_send(self,
                     more ? std::chrono::milliseconds{10} : options.sweep_pause,
                     sweep_atom::value);
}

} // namespace handoff
