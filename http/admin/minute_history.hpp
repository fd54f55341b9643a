#pragma once

#include "actors/journal_measures.hpp"
#include "job/event.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace handoff {

/// What happened within one minute.
struct minute_counts {
  wall_time at;                   ///< its beginning
  std::uint64_t accepted = 0;     ///< jobs
  std::uint64_t answered = 0;     ///< webhooks, but for those refused
  std::uint64_t in_time = 0;      ///< of them, those with 2xx by their deadline
  std::uint64_t late = 0;         ///< of them, those after their deadline
  std::uint64_t unsuccessful = 0; ///< of them, those with 5xx by their deadline
  std::uint64_t refused = 0;      ///< webhooks answered with 503
  std::uint64_t retries = 0;      ///< attempts after which another one follows
  std::uint64_t restarts = 0;     ///< of actors
  // Jobs that came to that.
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t ambiguous = 0;
};

/// Counts what an operator sees of the last hour, a minute each; of this run
/// only. Thread-safe; of fixed size.
class minute_history {
public:
  static constexpr std::size_t minutes = 60;

  explicit minute_history(std::function<wall_time()> now);

  /// A webhook has its answer; 0: its sender hung up before.
  void answered(int status, bool late);

  /// An event that is durable now.
  void observe(const job_event& event);

  /// A supervisor started an actor again.
  void restarted();

  /// All minutes up to now, oldest first; the last one is not over.
  std::vector<minute_counts> last_hour() const;

private:
  minute_counts& current();

  const std::function<wall_time()> now_;
  mutable std::mutex mutex_;
  std::array<minute_counts, minutes> ring_;
};

/// The document of `GET /api/v1/overview`; docs/admin-api.md describes it.
/// `measures` tells how many jobs wait for a person now; may be null.
nlohmann::json overview_document(const minute_history& history,
                                 const journal_measures* measures = nullptr);

} // namespace handoff
