#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace handoff {

/// What handshakes brought that an operator has to see, such as a code to type
/// in at the sender's. For an hour, in memory only. Thread-safe.
class shown_values {
public:
  using clock = std::chrono::system_clock;

  static constexpr std::chrono::hours kept_for{1};
  static constexpr std::size_t of_flow_max = 10;
  static constexpr std::size_t flows_max = 1'000;
  static constexpr std::size_t bytes_max = 1'024;

  explicit shown_values(std::function<clock::time_point()> now);

  /// Longer values are cut off; of a flow the newest are kept.
  void add(const std::string& flow, std::string value);

  /// `[{"at", "value"}]`, newest first.
  nlohmann::json of(const std::string& flow) const;

private:
  struct entry {
    clock::time_point at;
    std::string value;
  };

  std::function<clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<entry>> flows_; ///< newest first
};

} // namespace handoff
