#pragma once

namespace caf {
class actor_system_config;
}

namespace handoff {

/// Has the actor system that is made of `config` run its actors by a
/// `run_queue`, where CAF would share the work between its threads; and ask its
/// clock for nothing in vain. Not where `config` asks for another policy, or
/// for profiles, which only CAF's own schedulers write. To be called when all
/// else of `config` is set.
void use_scheduler(caf::actor_system_config& config);

} // namespace handoff
