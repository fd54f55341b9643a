#include "http/outbound/outbound.hpp"

#include "job/crash_point.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_companion.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_message.hpp>

#include <utility>

namespace handoff {
namespace {

bool is_clone(const outbound_call& call) {
  return call.purpose == call_class::clone;
}

void start(outbound_client& client, caf::mailbox_element& request) {
  // It ends with its last handle, whoever tells it to end; and a call whose
  // answer nobody waits for is none.
  if (!request.sender || !request.content().match_elements<outbound_call_ptr>())
    return;
  const auto& call = request.content().get_as<outbound_call_ptr>(0);
  crash_point(is_clone(*call) ? "before-clone-call" : "before-sub-action-call");
  client.start(call, [asks = std::move(request.sender),
                      answer = request.mid.response_id(),
                      clone = is_clone(*call)](exchange done) {
    crash_point(clone ? "after-clone-call" : "after-sub-action-call");
    asks->enqueue(
      nullptr, answer,
      caf::make_message(std::make_shared<const exchange>(std::move(done))),
      nullptr);
  });
}

} // namespace

outbound_actor outbound(caf::actor_system& system,
                        const std::weak_ptr<outbound_client>& client) {
  const auto made = system.spawn<caf::actor_companion, caf::hidden>();
  caf::actor_cast<caf::actor_companion*>(made)->on_enqueue(
    [client](const caf::mailbox_element_ptr& request) {
      if (const auto alive = client.lock())
        start(*alive, *request);
    });
  return caf::actor_cast<outbound_actor>(made);
}

} // namespace handoff
