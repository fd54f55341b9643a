#pragma once

#include <cstddef>
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

/// How many fields an event of this kind has; what is behind them is of any
/// kind. 0 for a number that stands for no kind.
constexpr std::size_t fields_of(event_kind kind) {
  switch (kind) {
  case event_kind::accepted:
    return 13;
  case event_kind::clone_begun:
    return 1;
  case event_kind::clone_ended:
    return 2;
  case event_kind::clone_done:
    return 4;
  case event_kind::clone_over:
    return 3;
  case event_kind::sub_begun:
    return 2;
  case event_kind::sub_ended:
    return 6;
  case event_kind::sub_settled:
    return 3;
  case event_kind::finished:
    return 1;
  case event_kind::replied:
    return 2;
  case event_kind::released:
    return 1;
  case event_kind::steps:
    return 2;
  case event_kind::redefined:
    return 3;
  case event_kind::clone_taken:
    return 3;
  case event_kind::wait:
    return 4;
  case event_kind::prepared:
    return 1;
  case event_kind::polled_again:
    return 1;
  case event_kind::expanded:
    return 2;
  case event_kind::postponed:
    return 1;
  case event_kind::recovered:
  case event_kind::handed_back:
  case event_kind::reopened:
  case event_kind::cancelling:
  case event_kind::rested:
    break;
  }
  return 0;
}

} // namespace handoff
