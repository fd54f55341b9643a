#pragma once

#include "http/ingress/webhook_log.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace handoff {

/// Tells the log of webhooks that were refused, and why: at most
/// `lines_max` lines within `window`, and then how many more there were. So
/// that nobody fills a disk by sending nonsense. Thread-safe.
class refusal_log {
public:
  static constexpr std::uint32_t lines_max = 10;
  static constexpr std::chrono::seconds window{10};

  using clock = std::chrono::steady_clock;

  /// What to write down of one more refusal; none: nothing.
  std::optional<std::string> line_of(const std::string& flow,
                                     webhook_outcome outcome, int status,
                                     const std::string& why,
                                     clock::time_point now);

private:
  std::mutex mutex_;
  clock::time_point begun_;
  std::uint32_t lines_ = 0;
  std::uint64_t left_out_ = 0;
};

} // namespace handoff
