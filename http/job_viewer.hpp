#pragma once

#include "actors/responder.hpp"
#include "journal/journal.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>

namespace handoff {

/// Somebody wants to see what the journal has.
struct job_view {
  responder_ptr responder;
  /// Makes the answer; nothing if somebody else gives it.
  std::function<std::optional<reply>(journal_reader&)> show;
};

using job_view_ptr = std::shared_ptr<const job_view>;

} // namespace handoff

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_view_ptr)

namespace handoff {

/// Reads the journal for the routes that show it. Reading blocks, so this actor
/// is spawned detached; it never holds up a commit.
using job_viewer_actor = caf::typed_actor<caf::reacts_to<job_view_ptr>>;

job_viewer_actor::behavior_type
job_viewer(job_viewer_actor::pointer self,
           std::shared_ptr<journal_reader> reader);

} // namespace handoff
