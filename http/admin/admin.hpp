#pragma once

#include "actors/progress.hpp"
#include "http/admin/connection_document.hpp"
#include "http/admin/event_feed.hpp"
#include "http/admin/flow_reloader.hpp"
#include "http/admin/metrics.hpp"
#include "http/admin/minute_history.hpp"
#include "http/admin/operator_routes.hpp"
#include "http/admin/supervisor_view.hpp"
#include "http/front_door/front_door.hpp"
#include "http/ingress/flow_registry.hpp"
#include "http/ingress/shown_values.hpp"
#include "http/ingress/webhook_log.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

struct admin_options {
  operator_options jobs;
  supervisor_view_actor supervisor;
  std::shared_ptr<const flow_registry> flows;
  flow_reloads reloads;
  /// May be null: then there is no /metrics.
  std::shared_ptr<const metrics> counted;
  std::shared_ptr<const minute_history> history;
  /// What happened to each flow. May be null.
  std::shared_ptr<const flow_history> flows_history;
  /// What stands before /hooks/NAME in the URL for senders. May be empty.
  std::function<std::string()> senders_url;
  /// What the journal knows of itself. May be null.
  std::shared_ptr<const journal_measures> measures;
  std::shared_ptr<event_feed> events;
  std::shared_ptr<const webhook_log> webhooks;
  connection_sources connections;
  std::shared_ptr<const shown_values> shown;
  /// Set once the service drains: it is no longer ready.
  std::shared_ptr<const std::atomic<bool>> draining;
  /// Whether senders can connect yet; null: they can.
  std::function<bool()> is_open;
  /// Set while the journal cannot commit: it is not ready either.
  std::shared_ptr<const std::atomic<bool>> journal_fails;
  /// Why it is not ready for another reason; null: never.
  std::function<std::optional<error>()> not_ready = {};
  /// Where a commit or an actor shows that hangs: not ready either. May be
  /// null.
  std::shared_ptr<const progress> watched;
  /// Empty: nobody is asked for one.
  std::string token;
  /// What the listener was told to listen on; see `origin_check`.
  std::string address;
  std::vector<std::string> hosts;
};

/// The routes that operators see:
///
///     GET /, /assets/…   the dashboard; see page_reply
///     GET /livez      the process runs
///     GET /readyz     it is able to make progress; asks no actor, and so never
///                     waits
///     GET /openapi.json   what they answer; asks for no token
///     /api/v1/jobs…   see operator_routes
///     GET /metrics    for Prometheus
///     GET /api/v1/events       what happens, as it happens
///     GET /api/v1/webhooks     webhooks that became no job
///     GET /api/v1/connections  what calls are made through
///     GET /api/v1/overview     what happened within the last hour
///     GET /api/v1/nodes        who shares the journal
///     GET /api/v1/supervisor   how the tree is
///     GET /api/v1/flows, POST /api/v1/flows/reload
///
/// Where a token is set, everything but the first three asks for it
/// (`Authorization: Bearer`, RFC 6750, section 2.1). Requests that a browser
/// may have been tricked into are refused before all else; see `origin_check`.
front_door::handler admin(admin_options options);

} // namespace handoff
