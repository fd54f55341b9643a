#include "actors/outbound_door.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_companion.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_message.hpp>

#include <memory>
#include <utility>

namespace handoff {
namespace {

void start(const call_maker& make, caf::mailbox_element& request) {
  // Exit messages are ignored: the door ends with its last handle. A call
  // without a sender has nobody to answer, and is not made.
  if (!request.sender || !request.content().match_elements<outbound_call_ptr>())
    return;
  make(request.content().get_as<outbound_call_ptr>(0),
       [asks = std::move(request.sender),
        answer = request.mid.response_id()](exchange done) {
         asks->enqueue(
           nullptr, answer,
           caf::make_message(std::make_shared<const exchange>(std::move(done))),
           nullptr);
       });
}

} // namespace

outbound_actor outbound_door(caf::actor_system& system, call_maker make) {
  const auto made = system.spawn<caf::actor_companion, caf::hidden>();
  caf::actor_cast<caf::actor_companion*>(made)->on_enqueue(
    [make = std::move(make)](const caf::mailbox_element_ptr& request) {
      start(make, *request);
    });
  return caf::actor_cast<outbound_actor>(made);
}

} // namespace handoff
