#include "tools/handoff/guardian.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace handoff {
namespace {

/// Between two looks at what hangs.
constexpr std::chrono::milliseconds look_every{1'000};

/// What the guardian knows of the tree's progress.
class vital_signs {
public:
  explicit vital_signs(const guardian_options& options)
      : options_{options},
        mortal_{std::max(progress::patience, options.alive_every)} {}

  void answered() {
    is_due_ = true;
    tell_alive();
  }

  void look() {
    const auto now = options_.hanging(progress::patience);
    if (now.has_value() != is_hanging_ && options_.hangs)
      options_.hangs(now);
    is_hanging_ = now.has_value();
    // A sign that was held back is not due again before the next answer, which
    // may be too late for who waits for it.
    tell_alive();
  }

private:
  void tell_alive() {
    if (!is_due_ || (options_.hanging && options_.hanging(mortal_)))
      return;
    is_due_ = false;
    options_.alive();
  }

  const guardian_options options_;
  const std::chrono::milliseconds mortal_;
  bool is_due_ = false;
  bool is_hanging_ = false;
};

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
  const auto signs = std::make_shared<vital_signs>(options);
  if (options.alive_every.count() > 0)
    self->send(self, again_atom::value);
  if (options.hanging)
    self->delayed_send(self, look_every, next_atom::value);
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
    [self, options, signs](again_atom) {
      self->request(options.root, options.alive_every, report_atom::value)
        .then([signs](const supervision_report&) { signs->answered(); },
              [](const caf::error&) {
                // Whoever waits for a sign of life gets none: that says it.
              });
      self->delayed_send(self, options.alive_every, again_atom::value);
    },
    [self, signs](next_atom) {
      signs->look();
      self->delayed_send(self, look_every, next_atom::value);
    },
  };
}

} // namespace handoff
