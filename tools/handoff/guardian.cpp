#include "tools/handoff/guardian.hpp"

#include <chrono>

namespace handoff {

guardian_actor::behavior_type guardian(guardian_actor::pointer self,
                                       guardian_options options) {
  self->monitor(options.root);
  self->monitor(options.journal);
  self->monitor(options.outbound);
  self->monitor(options.intake);
  self->set_down_handler([options](caf::down_msg& down) {
    options.lost(down.source == options.root.address() ? "the root supervisor"
                 : down.source == options.journal.address() ? "the journal"
                 : down.source == options.intake.address()
                   ? "the intake"
                   : "the outbound client");
  });
  return {
    [self, options](drain_atom) {
      // The main thread has the deadline of the drain; a day is beyond any.
      self
        ->request(options.root, std::chrono::minutes{24 * 60},
                  drain_atom::value)
        .then([options](drained_atom) { options.drained(); },
              [](const caf::error&) {
                // The root supervisor has died, which was told already.
              });
    },
  };
}

} // namespace handoff
