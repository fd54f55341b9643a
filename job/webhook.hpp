#pragma once

#include "job/exchange.hpp"
#include "job/trace.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
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

} // namespace handoff
