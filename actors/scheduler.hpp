#pragma once

namespace caf {
class actor_system_config;
}

namespace handoff {

class progress;

/// Has the actor system that is made of `config` run its actors by a
/// `run_queue`, where CAF would share the work between its threads; and ask its
/// clock for nothing in vain. Not where `config` asks for another policy, or
/// for profiles, which only CAF's own schedulers write. To be called when all
/// else of `config` is set.
///
/// Each of its threads tells `watch`, which outlives the actor system, what
/// actor has its turn. Null: nobody is told.
void use_scheduler(caf::actor_system_config& config, progress* watch = nullptr);

} // namespace handoff
