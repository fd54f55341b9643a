#pragma once

#include "tools/bench/stand.hpp"

#include <optional>

namespace bench {

struct section_options {
  stand_options at;
  std::size_t webhooks = 2'000;
  std::size_t one_by_one = 20;
  std::chrono::milliseconds spread{3'000};
  std::size_t senders = 64;
  std::chrono::seconds sending{10};
  std::size_t runs = 3; ///< 1 or more
  std::optional<contender> only = {};
};

// Each prints the settings, and medians with ranges over the runs. No wall time
// is asserted but the deadline, which is what senders are promised.

/// Holds all webhooks at once. True if all were answered with their UID before
/// the deadline and all jobs succeeded within a minute.
bool held(const section_options& chosen);

/// How many webhooks a second are acknowledged, beside the syncs a second that
/// the disk does by itself. True if all were and all jobs ended.
bool acknowledged(const section_options& chosen);

/// Webhooks one after the other, and then some spread over time. True if all
/// were answered with their UID and all jobs ended.
bool latency(const section_options& chosen);

/// Webhooks spread over time, alone and beside others whose signature is wrong.
/// True if all of the first were answered with their UID, and none of the
/// others was taken.
bool hostile(const section_options& chosen);

/// Sends with wrk for a while, to Handoff and to what people write instead, in
/// turn: whole jobs a second, answers, processor time. True if every answer was
/// good and every job ended.
bool throughput(const section_options& chosen);

/// What a whole job of the service costs, in ms of CPU, while wrk sends.
double cpu_of_a_job_ms(const section_options& chosen);

/// That beside what its parts cost by themselves, in the same run.
bool parts(const section_options& chosen);

/// Sends with wrk once, for long, and prints what each tenth of the time came
/// to, and the last beside the first. True if every answer was good and the
/// queue drained within a minute. Needs about 1.2 KiB of disk a job.
bool steady(const section_options& chosen);

} // namespace bench
