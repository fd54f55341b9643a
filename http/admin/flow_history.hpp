#pragma once

#include "job/event.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// What an operator sees of one flow: of the last hour, and of this run of the
/// service only.
struct flow_facts {
  std::optional<wall_time> last_webhook;
  std::uint64_t accepted = 0; ///< jobs
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;

  /// Of the newest `samples_max` within the hour; none: there was none.
  struct percentiles {
    std::chrono::milliseconds p50{0};
    std::chrono::milliseconds p95{0};
  };

  std::optional<percentiles> clone; ///< attempts that brought a UID
  std::optional<percentiles> reply; ///< from the arrival to the answer
};

/// Counts what happens to each flow. Thread-safe; of fixed size for each flow.
class flow_history {
public:
  static constexpr std::size_t samples_max = 500;

  explicit flow_history(std::function<wall_time()> now)
      : now_{std::move(now)} {}

  /// A webhook of this flow has its answer; 0: its sender hung up before.
  void answered(std::string_view flow, int status,
                std::chrono::milliseconds held);

  /// An event that is durable now.
  void observe(const job_event& event);

  flow_facts of(std::string_view flow) const;

private:
  struct sample {
    wall_time at;
    std::chrono::milliseconds length;
  };

  struct minute {
    wall_time at;
    std::uint64_t accepted = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
  };

  struct record {
    std::optional<wall_time> last_webhook;
    std::array<minute, 60> minutes;
    std::deque<sample> clones;
    std::deque<sample> replies;
  };

  record& at(std::string_view flow);
  minute& current(record& of) const;
  void add(std::deque<sample>& to, std::chrono::milliseconds length) const;
  std::optional<flow_facts::percentiles>
  percentiles_of(const std::deque<sample>& samples) const;

  const std::function<wall_time()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, record, std::less<>> flows_;
};

} // namespace handoff
