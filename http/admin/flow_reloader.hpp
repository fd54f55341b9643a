#pragma once

#include "actors/responder.hpp"
#include "config/connection_registry.hpp"
#include "config/flow_loader.hpp"
#include "http/ingress/flow_registry.hpp"
#include "http/ingress/waiting_room.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace handoff {

/// Somebody wants the flows to be read again.
struct reload_order {
  responder_ptr responder; ///< null: nobody waits for what comes of it
  /// Among those that wait.
  std::shared_ptr<const void> place;
};

using reload_order_ptr = std::shared_ptr<const reload_order>;

} // namespace handoff

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(handoff::reload_order_ptr)

namespace handoff {

/// Replaces the flows that are in force, all or none.
using flow_reloader_actor = caf::typed_actor<caf::reacts_to<reload_order_ptr>>;

struct flow_reloader_options {
  std::shared_ptr<flow_registry> flows;
  /// Replaced with them; may be null.
  std::shared_ptr<connection_registry> connections = nullptr;
  std::string directory; ///< for what is said of it
  /// Reads and checks the flows of `directory` as a start does.
  std::function<loaded_flows(bool must_exist)> load;
  std::function<wall_time()> now;
  /// Told what an operator should know.
  std::function<void(const std::string&)> inform;
  /// The same of what went wrong.
  std::function<void(const std::string&)> complain;
  /// Before the files are read, and once it is decided how many are in force.
  std::function<void()> begins;
  std::function<void(std::size_t flows)> ended;
};

/// Reads the flows again, checks them as a start does, and puts them in force
/// if there is nothing wrong with any of them; else those of before stay. A
/// directory that is gone or has become empty is an error: whoever unmounts it
/// does not mean to refuse all webhooks.
///
/// Reading blocks, so this actor is spawned detached. Two reloads come one
/// after the other. Holds nothing: when it dies, the flows that are in force
/// stay.
struct flow_reloader_state {
  using self_pointer =
    flow_reloader_actor::stateful_pointer<flow_reloader_state>;

  static inline const char* name = "flow_reloader";

  void obey(const reload_order& order);
  reply reload();
  loaded_flows load(const flow_set& before) const;
  reply refuse(const problems& errors) const;

  flow_reloader_options options;
};

flow_reloader_actor::behavior_type
flow_reloader(flow_reloader_state::self_pointer self,
              flow_reloader_options options);

/// The way to the reloader. Thread-safe; copies are the same way.
class flow_reloads {
public:
  static constexpr std::chrono::seconds patience{30};

  /// Reloads that wait at the most.
  static constexpr std::size_t waiting_max = 16;

  /// To a reloader that is not there: every order is answered with 500.
  flow_reloads() = default;

  explicit flow_reloads(flow_reloader_actor reloader)
      : reloader_{std::move(reloader)} {}

  /// Answers 200 with what is in force now, 422 with what is wrong, 503 at once
  /// if too many reloads wait or after `patience`.
  void ask(const responder_ptr& responder) const;

  /// The same for nobody in particular. Where too many wait, one of those reads
  /// the files as they are now.
  void ask() const;

private:
  flow_reloader_actor reloader_;
  waiting_room room_{waiting_max};
};

} // namespace handoff
