#pragma once

#include "http/ingress/webhook_log.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace handoff {

/// Tells the log of webhooks that were refused, and why: for each flow at most
/// `lines_max` lines within `window`, and then how many more there were. So
/// nonsense fills no disk, and what is sent to one flow, or to none, does not
/// hide what is refused of another. Thread-safe.
class refusal_log {
public:
  static constexpr std::uint32_t lines_max = 10;
  static constexpr std::chrono::seconds window{10};

  using clock = std::chrono::steady_clock;

  /// What to write down of one more refusal; none: nothing. All flows that are
  /// not known share their lines.
  std::optional<std::string> line_of(const std::string& flow, bool is_known,
                                     webhook_outcome outcome, int status,
                                     const std::string& why,
                                     clock::time_point now);

private:
  struct share {
    clock::time_point begun;
    std::uint32_t lines = 0;
    std::uint64_t left_out = 0;
  };

  std::mutex mutex_;
  std::map<std::string, share> shares_; ///< by flow; "": not known
};

} // namespace handoff
