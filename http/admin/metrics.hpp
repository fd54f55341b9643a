#pragma once

#include "actors/environment.hpp"
#include "actors/journal_measures.hpp"
#include "actors/progress.hpp"
#include "http/admin/flow_history.hpp"
#include "http/admin/minute_history.hpp"
#include "http/front_door/front_door.hpp"
#include "http/outbound/outbound_client.hpp"
#include "http/outbound/outbound_options.hpp"
#include "job/event.hpp"
#include "journal/journal_group.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Where `metrics` looks when it is asked. All of it is thread-safe and
/// bounded.
struct metrics_sources {
  std::shared_ptr<const admission_counts> admission;
  std::shared_ptr<const supervision_log> supervision;
  std::function<std::vector<upstream_counts>()> upstreams;
  /// May be empty.
  std::function<std::vector<connection_state>()> connections;
  std::shared_ptr<const connection_refusals> ingress_refusals;
  std::shared_ptr<const connection_refusals> admin_refusals;
  /// Told of what is counted here, for those who look at the last hour. May be
  /// null.
  std::shared_ptr<minute_history> history;
  /// The same by flow. May be null.
  std::shared_ptr<flow_history> flows_history;
  /// Set once the service drains.
  std::shared_ptr<const std::atomic<bool>> draining;
  /// The flows in force, whose series begin with 0. May be empty.
  std::function<std::vector<std::string>()> flows;
  /// May be null.
  std::shared_ptr<const journal_measures> journal;
  /// With a journal that nodes share. May be empty.
  std::function<group_measures()> group;
  /// Where a commit or an actor shows that hangs. May be null.
  std::shared_ptr<const progress> watched;
  /// Lines of the log that nobody will read. May be empty.
  std::function<std::uint64_t()> log_lines_dropped;
  /// Spans that no collector took. May be empty.
  std::function<std::uint64_t()> spans_dropped;
  std::size_t max_held = 0;
  std::size_t max_jobs = 0;
  std::size_t max_calls = 0;   ///< of each upstream
  std::size_t max_waiting = 0; ///< calls of all upstreams
  std::size_t max_lookups = 0; ///< of idempotency keys
};

/// What the service counts, as Prometheus reads it. docs/metrics.md has every
/// name and its meaning. Labels are flows, statuses and upstream hosts, never
/// ids, so that there are few series.
///
/// Thread-safe; nothing here waits for an actor.
class metrics {
public:
  using seconds = std::chrono::duration<double>;

  explicit metrics(metrics_sources sources);
  ~metrics();

  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// A webhook of this flow is not wanted: its "when" does not hold.
  void ignored(std::string_view flow);
  /// A webhook of this flow has its answer, after `held`, with `left` of its
  /// budget; 0 is the status of one whose sender hung up before.
  void answered(std::string_view flow, int status, seconds held, seconds left);

  /// An event that is durable now.
  void observe(const job_event& event);

  /// One commit of the journal.
  void committed(std::size_t events, seconds took, bool succeeded);

  /// Everything, in Prometheus' text format 0.0.4.
  std::string text() const;

private:
  class counters;
  const metrics_sources sources_;
  std::unique_ptr<counters> counters_;
};

} // namespace handoff
