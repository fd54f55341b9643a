#pragma once

#include "actors/environment.hpp"
#include "http/outbound/outbound_options.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::responder_ptr)

namespace handoff {

/// Asks the root supervisor how the tree is, and answers with that.
using supervisor_view_actor = caf::typed_actor<caf::reacts_to<responder_ptr>>;

struct supervisor_view_options {
  root_supervisor_actor root;
  std::shared_ptr<const admission_counts> admission;
  std::shared_ptr<const supervision_log> log;
  std::shared_ptr<const std::atomic<bool>> draining;
  std::function<std::vector<upstream_counts>()> upstreams;
  std::function<wall_time()> now;
  governor_options limits;
  std::size_t max_held = 0;
  std::size_t max_jobs = 0;
  wall_time started;
};

/// How long the root supervisor may take before the answer is 503.
inline constexpr std::chrono::seconds supervisor_patience{5};

/// Upstream hosts that are shown: first those whose breaker is not closed, then
/// the busiest.
inline constexpr std::size_t upstreams_shown_max = 200;

/// Holds nothing but what it is asked; when it dies the service stops.
supervisor_view_actor::behavior_type
supervisor_view(supervisor_view_actor::pointer self,
                supervisor_view_options options);

/// The document of `GET /api/v1/supervisor`; docs/admin-api.md describes it.
nlohmann::json supervisor_document(const supervisor_view_options& options,
                                   const supervision_report& tree);

} // namespace handoff
