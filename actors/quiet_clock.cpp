#include "actors/quiet_clock.hpp"

#include <utility>

namespace handoff {

void quiet_clock::remember(const caf::abstract_actor& self) {
  const std::scoped_lock lock{mutex_};
  owners_.insert(self.id());
}

bool quiet_clock::forget(const caf::abstract_actor& self) {
  const std::scoped_lock lock{mutex_};
  return owners_.erase(self.id()) > 0;
}

void quiet_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                                       caf::atom_value type, std::uint64_t id) {
  remember(*self);
  real_.set_ordinary_timeout(t, self, type, id);
}

void quiet_clock::set_request_timeout(time_point t, caf::abstract_actor* self,
                                      caf::message_id id) {
  remember(*self);
  real_.set_request_timeout(t, self, id);
}

void quiet_clock::set_multi_timeout(time_point t, caf::abstract_actor* self,
                                    caf::atom_value type, std::uint64_t id) {
  remember(*self);
  real_.set_multi_timeout(t, self, type, id);
}

void quiet_clock::cancel_ordinary_timeout(caf::abstract_actor* self,
                                          caf::atom_value type) {
  real_.cancel_ordinary_timeout(self, type);
}

void quiet_clock::cancel_request_timeout(caf::abstract_actor* self,
                                         caf::message_id id) {
  real_.cancel_request_timeout(self, id);
}

void quiet_clock::cancel_timeouts(caf::abstract_actor* self) {
  if (forget(*self))
    real_.cancel_timeouts(self);
}

void quiet_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver,
                                   caf::mailbox_element_ptr content) {
  real_.schedule_message(t, std::move(receiver), std::move(content));
}

void quiet_clock::schedule_message(time_point t, caf::group target,
                                   caf::strong_actor_ptr sender,
                                   caf::message content) {
  real_.schedule_message(t, std::move(target), std::move(sender),
                         std::move(content));
}

void quiet_clock::cancel_all() {
  real_.cancel_all();
}

} // namespace handoff
