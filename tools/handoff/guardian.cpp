#include "tools/handoff/guardian.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>

#include <utility>

namespace handoff {
namespace {

bool was_done(const caf::down_msg& down) {
  return !down.reason || down.reason == caf::exit_reason::normal;
}

} // namespace

guardian_actor::behavior_type guardian(guardian_actor::pointer self,
                                       guardian_options options) {
  for (const auto& each : options.watched)
    self->monitor(caf::actor_cast<caf::actor>(each.actor));
  self->set_down_handler([options](caf::down_msg& down) {
    for (const auto& each : options.watched)
      if (down.source == each.actor->address()
          && !(each.may_end && was_done(down)))
        options.lost(each.name);
  });
  if (options.alive_every.count() > 0)
    self->send(self, again_atom::value);
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
    [self, options](again_atom) {
      self->request(options.root, options.alive_every, report_atom::value)
        .then([options](const supervision_report&) { options.alive(); },
              [](const caf::error&) {
                // Whoever waits for a sign of life gets none: that says it.
              });
      self->delayed_send(self, options.alive_every, again_atom::value);
    },
  };
}

} // namespace handoff
