#pragma once

#include "job/exchange.hpp"
#include "job/trace.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// What a sender posted, after the front door has checked it.
struct webhook {
  /// The job it becomes; given at admission.
  std::string job;
  std::string flow;
  nlohmann::json body;
  handoff::headers headers;
  /// Decoded, in the order in which they came.
  std::vector<std::pair<std::string, std::string>> query;
  std::chrono::system_clock::time_point received;
  trace_context trace;
};

/// About how many bytes of memory an unfinished job takes for this webhook,
/// with what its actors need.
std::size_t job_memory(const webhook& hook);

} // namespace handoff
