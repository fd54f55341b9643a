#pragma once

#include "actors/handles.hpp"
#include "http/outbound/outbound_client.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace handoff {

/// Lends the outbound client to actors: an actor without a mailbox or a turn of
/// its own. A call goes into the client's queue on the thread of who asks, and
/// the client's thread sends the answer to who asked. So it cannot die before
/// its last handle goes, and the end of the service does not wait for it. Who
/// asks once the client is gone gets no answer.
outbound_actor outbound(caf::actor_system& system,
                        const std::weak_ptr<outbound_client>& client);

} // namespace handoff
