#pragma once

#include "tools/bench/stand.hpp"

namespace bench {

struct section_options {
  stand_options at;
  std::size_t webhooks = 2'000;
  std::size_t one_by_one = 20;
  std::chrono::milliseconds spread{1'000};
};

/// Holds all webhooks at once. True if all were answered with their UID before
/// the deadline and all jobs succeeded.
bool held(const section_options& chosen);

/// How many webhooks a second are acknowledged, beside the syncs a second that
/// the disk does by itself. True if all were and all jobs ended.
bool acknowledged(const section_options& chosen);

/// Webhooks one after the other, and then some spread over time. True if no
/// answer came 100 ms or more after the clone API's.
bool latency(const section_options& chosen);

} // namespace bench
