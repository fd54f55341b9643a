#pragma once

#include "actors/environment.hpp"
#include "http/admin/metrics.hpp"
#include "http/front_door/front_door.hpp"
#include "http/ingress/flow_registry.hpp"
#include "http/ingress/job_viewer.hpp"
#include "http/ingress/shown_values.hpp"
#include "http/ingress/webhook_log.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace handoff {

struct ingress_options {
  std::shared_ptr<const flow_registry> flows;
  std::shared_ptr<admission_counts> admission;
  /// Set once the service drains.
  std::shared_ptr<const std::atomic<bool>> draining;
  /// Why no webhook is taken now, beside the drain; null: never.
  std::function<std::optional<error>()> refuses = {};
  intake_actor intake;
  job_views views;
  /// May be null.
  std::shared_ptr<metrics> counted;
  /// Which webhooks became no job, for operators; may be null.
  std::shared_ptr<webhook_log> log;
  /// What handshakes brought for operators to see; may be null.
  std::shared_ptr<shown_values> shown;
  std::chrono::milliseconds deadline_limit{10'000};
  std::chrono::milliseconds deadline_margin{500};
  /// Bytes of a body once it is decoded; more is 413.
  std::size_t max_body = 1'048'576;
};

/// The routes that senders see:
///
///     POST /hooks/{flow}             becomes a job, unless a rule of the
///                                    flow's "handshake" answers it or its
///                                    "when" does not hold
///     GET  /hooks/{flow}/jobs/{job}  what became of it
///
/// Checks, admits and hands on; whoever gets the order answers. Large bodies
/// are checked on a thread that these own.
struct ingress_side {
  front_door::handler handle;
  /// For front_door_options: tells operators of webhooks that it refused.
  std::function<void(const http_request&, const error&)> refused;
};

ingress_side ingress(ingress_options options);

} // namespace handoff
