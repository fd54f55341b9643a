#pragma once

#include "actors/environment.hpp"
#include "actors/joined_responder.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace handoff {

/// Keys that may wait for a journal that hangs: a sender is refused after a few
/// seconds, what it asked for stays in the journal's mailbox.
inline constexpr std::size_t lookups_max = 10'000;

/// Lets webhooks in. One whose idempotency key is new becomes a job; one whose
/// key is held by a job of the same body joins it or gets its answer again; one
/// with another body is refused (the Idempotency-Key header field,
/// draft-ietf-httpapi-idempotency-key-header, section 2.6).
///
/// Takes an order back whose key was found held only when it was committed, by
/// another process for example: it joins that job.
///
/// Holds nothing that a crash could lose: who waits here has been promised
/// nothing, and is refused at its deadline.
struct intake_state {
  using self_pointer = intake_actor::stateful_pointer<intake_state>;

  static inline const char* name = "intake";

  explicit intake_state(self_pointer actor) : self{actor} {}

  // -- decisions ------------------------------------------------------------

  void take(const clone_order_ptr& order);
  /// `joined`: its sender has waited for the job of another process.
  void key_looked_up(const clone_order_ptr& order, const key_found& found,
                     bool joined);
  void look_up(const clone_order_ptr& order, bool joined = false);
  /// Asks for all that wait for jobs which are cloned elsewhere at once.
  void look_elsewhere();
  void found_elsewhere(const std::vector<std::string>& past);
  /// Makes a job of it, or refuses it where the wait that is foreseen for its
  /// clone does not fit the deadline.
  void begin(const clone_order_ptr& order);

  /// Begins the order with the key of a job that failed.
  void take_over(const clone_order_ptr& order, const job& failed);

  // -- parts of them --------------------------------------------------------

  /// The key of a job that is on its way to its UID here. Whoever works on the
  /// job keeps the senders alive, so that nobody has to say that it is over.
  struct holder {
    std::string job;
    std::string fingerprint;
    std::weak_ptr<joined_responder> senders;
  };

  /// The one that the job which holds the key started with.
  flow_ptr definition_of(const clone_order& order,
                         const key_found& found) const;
  /// Another webhook came with this key before, whose job is `holder`; empty:
  /// it is not known.
  void refuse_key(const clone_order& order, const std::string& by) const;
  /// Takes the webhook back out of the count of jobs: it makes none.
  static void no_job(const clone_order& order);
  void forget_released();

  self_pointer self;
  environment_ptr env;
  root_supervisor_actor root;
  std::map<std::pair<std::string, std::string>, holder> holders;
  /// Whose job another process clones, by its id: after a restart, say, before
  /// the recovery has come to it. `max-held` bounds them.
  std::multimap<std::string, clone_order_ptr> elsewhere;
  std::size_t holders_swept_at = 1'024;
};

intake_actor::behavior_type intake(intake_state::self_pointer self,
                                   environment_ptr env,
                                   root_supervisor_actor root);

} // namespace handoff
