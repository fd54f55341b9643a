#pragma once

#include "actors/progress.hpp"
#include "actors/responder.hpp"
#include "http/ingress/waiting_room.hpp"
#include "journal/journal.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace handoff {

/// Somebody wants to see what the journal has.
struct job_view {
  responder_ptr responder;
  /// Makes the answer; nothing if somebody else gives it.
  std::function<std::optional<reply>(journal_reader&)> show;
  /// From then on nobody waits for it.
  responder::time_point wanted_until;
  /// Among those that wait.
  std::shared_ptr<const void> place;
};

using job_view_ptr = std::shared_ptr<const job_view>;

} // namespace handoff

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_view_ptr)

namespace handoff {

/// Reads the journal for the routes that show it. Reading blocks, so this actor
/// is spawned detached; it never holds up a commit.
///
/// A view that throws is answered with 500 and harms no other. When the actor
/// itself dies the service stops: nobody could look up a job any more. Tells
/// `watched`, which outlives it, of each view; null: nobody.
using job_viewer_actor = caf::typed_actor<caf::reacts_to<job_view_ptr>>;

job_viewer_actor::behavior_type
job_viewer(job_viewer_actor::pointer self,
           std::shared_ptr<journal_reader> reader, activity* watched);

/// The way to the viewer. Thread-safe; copies are the same way.
class job_views {
public:
  /// How long a view may take, the wait for its turn included.
  static constexpr std::chrono::seconds patience{10};

  /// Views that wait at the most.
  static constexpr std::size_t waiting_max = 1'000;

  /// To a viewer that is not there: every view is answered with 500.
  job_views() = default;

  explicit job_views(job_viewer_actor viewer) : viewer_{std::move(viewer)} {}

  /// Has `show` answer, or somebody whom it tells to. 503 at once if too many
  /// views wait, or after `patience`.
  void ask(const responder_ptr& responder,
           std::function<std::optional<reply>(journal_reader&)> show) const;

private:
  job_viewer_actor viewer_;
  waiting_room room_{waiting_max};
};

} // namespace handoff
