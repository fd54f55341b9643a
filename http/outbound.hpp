#pragma once

#include "actors/handles.hpp"
#include "http/outbound_client.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace handoff {

/// What the outbound client's thread tells the actor: the call with this number
/// is done.
using outbound_done_actor =
  outbound_actor::extend<caf::reacts_to<std::uint64_t, exchange_ptr>>;

/// Lends the outbound client to actors. Holds one promise for each call that is
/// under way; `max-jobs` bounds them.
struct outbound_state {
  using self_pointer = outbound_done_actor::stateful_pointer<outbound_state>;

  static inline const char* name = "outbound";

  explicit outbound_state(self_pointer actor) : self{actor} {}

  caf::typed_response_promise<exchange_ptr>
  start(const outbound_call_ptr& call);
  void done(std::uint64_t number, const exchange_ptr& what);

  self_pointer self;
  std::shared_ptr<outbound_client> client;
  std::uint64_t last = 0;
  std::unordered_map<std::uint64_t, caf::typed_response_promise<exchange_ptr>>
    under_way;
};

outbound_done_actor::behavior_type
outbound(outbound_state::self_pointer self,
         std::shared_ptr<outbound_client> client);

} // namespace handoff
