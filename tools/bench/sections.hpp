#pragma once

#include "tools/bench/stand.hpp"

#include <optional>

namespace bench {

struct section_options {
  stand_options at;
  std::size_t webhooks = 2'000;
  std::size_t one_by_one = 20;
  std::chrono::milliseconds spread{1'000};
  std::size_t senders = 64;
  std::chrono::seconds sending{10};
  std::size_t runs = 3;
  std::optional<contender> only = {};
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

/// Sends with wrk for a while, to Handoff and to what people write instead, in
/// turn: whole jobs a second, answers, processor time. True if every answer was
/// good and every job ended.
bool throughput(const section_options& chosen);

} // namespace bench
