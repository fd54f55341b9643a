#include "http/outbound.hpp"

#include "job/crash_point.hpp"

#include <caf/send.hpp>

#include <utility>

namespace handoff {

caf::typed_response_promise<exchange_ptr>
outbound_state::start(const outbound_call_ptr& call) {
  const auto number = ++last;
  auto promise = self->make_response_promise<exchange_ptr>();
  under_way.emplace(number, promise);
  crash_point(call->purpose == call_class::clone ? "before-clone-call"
                                                 : "before-sub-action-call");
  const auto handle = caf::actor_cast<outbound_done_actor>(self);
  client->start(
    *call, [handle, number, purpose = call->purpose](exchange done) {
      crash_point(purpose == call_class::clone ? "after-clone-call"
                                               : "after-sub-action-call");
      caf::anon_send(handle, number,
                     std::make_shared<const exchange>(std::move(done)));
    });
  return promise;
}

void outbound_state::done(std::uint64_t number, const exchange_ptr& what) {
  const auto found = under_way.find(number);
  if (found == under_way.end())
    return;
  auto promise = std::move(found->second);
  under_way.erase(found);
  promise.deliver(what);
}

outbound_done_actor::behavior_type
outbound(outbound_state::self_pointer self,
         std::shared_ptr<outbound_client> client) {
  self->state.client = std::move(client);
  return {
    [self](const outbound_call_ptr& call) {
      fault_point(outbound_state::name);
      return self->state.start(call);
    },
    [self](std::uint64_t number, const exchange_ptr& what) {
      fault_point(outbound_state::name);
      self->state.done(number, what);
    },
  };
}

} // namespace handoff
