#pragma once

#include <cstdint>

namespace handoff {

/// Kinds of events, as they stand in the journal: append-only.
enum class event_kind : std::int64_t {
  accepted = 1,
  clone_begun = 2,
  clone_ended = 3,
  clone_done = 4,
  clone_over = 5,
  sub_begun = 6,
  sub_ended = 7,
  sub_settled = 8,
  finished = 9,
  replied = 10,
  recovered = 11,
  handed_back = 12,
  released = 13,
  reopened = 14,
  steps = 15,
  cancelling = 16,
  redefined = 17,
  rested = 18,
  clone_taken = 20,
  wait = 21,
  prepared = 22,
  polled_again = 23,
  expanded = 24,
  postponed = 25,
};

} // namespace handoff
