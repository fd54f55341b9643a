#pragma once

#include "actors/handles.hpp"
#include "actors/responder.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <string>

namespace handoff {

/// Somebody wants to see a job.
struct job_lookup {
  std::string job;
  responder_ptr responder;
  /// Makes the answer of the job; null stands for one that is not known.
  std::function<reply(const job_ptr&)> show;
};

using job_lookup_ptr = std::shared_ptr<const job_lookup>;

/// Fetches jobs for the routes that show them.
using lookup_actor = caf::typed_actor<caf::reacts_to<job_lookup_ptr>>;

/// Asks the journal and answers the responder; 503 where the journal fails.
lookup_actor::behavior_type lookup(lookup_actor::pointer self,
                                   journal_actor journal);

} // namespace handoff

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::job_lookup_ptr)
