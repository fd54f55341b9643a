#pragma once

#include "job/exchange.hpp"
#include "job/trace.hpp"
#include "job/webhook_body.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// What a sender posted, after the front door has checked it.
struct webhook {
  /// The job it becomes; given at admission.
  std::string job;
  std::string flow;
  webhook_body body;
  /// The parts of the body that its flow refers to, where they are small. Null:
  /// whoever needs the body reads it. Not journaled.
  std::shared_ptr<const nlohmann::json> parts;
  handoff::headers headers;
  /// Decoded, in the order in which they came.
  std::vector<std::pair<std::string, std::string>> query;
  std::chrono::system_clock::time_point received;
  trace_context trace;
};

/// Memory that an unfinished job takes beside its webhook: its record, actors,
/// timers and connection (measured: 23 KiB a held webhook, with its call under
/// way).
inline constexpr std::size_t job_overhead_bytes = 24 * 1024;

/// About how many bytes of memory an unfinished job takes for this webhook,
/// with what its actors need.
std::size_t job_memory(const webhook& hook);

} // namespace handoff
