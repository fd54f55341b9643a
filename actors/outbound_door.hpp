#pragma once

#include "actors/handles.hpp"

#include <caf/fwd.hpp>

#include <functional>

namespace handoff {

/// Makes a call, and tells once what came of it, on any thread. Neither may
/// block.
using call_maker = std::function<void(outbound_call_ptr call,
                                      std::function<void(exchange)> done)>;

/// An actor without a mailbox or a turn of its own: `make` is called on the
/// thread of who asks, and the answer goes straight to who asked. So it cannot
/// die before its last handle goes, and the end of the service does not wait
/// for it. Who asks when nothing is made of it gets no answer.
outbound_actor outbound_door(caf::actor_system& system, call_maker make);

} // namespace handoff
