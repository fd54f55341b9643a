#include "actors/quiet_clock.hpp"

namespace handoff {

void quiet_clock::remember(const caf::abstract_actor& self) {
  const std::scoped_lock lock{mutex_};
  owners_.insert(self.id());
}

bool quiet_clock::forget(const caf::abstract_actor& self) {
  const std::scoped_lock lock{mutex_};
  return owners_.erase(self.id()) > 0 && !is_closed_;
}

void quiet_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                                       caf::atom_value type, std::uint64_t id) {
  remember(*self);
  super::set_ordinary_timeout(t, self, type, id);
}

void quiet_clock::set_request_timeout(time_point t, caf::abstract_actor* self,
                                      caf::message_id id) {
  remember(*self);
  super::set_request_timeout(t, self, id);
}

void quiet_clock::set_multi_timeout(time_point t, caf::abstract_actor* self,
                                    caf::atom_value type, std::uint64_t id) {
  remember(*self);
  super::set_multi_timeout(t, self, type, id);
}

void quiet_clock::close() {
  const std::scoped_lock lock{mutex_};
  is_closed_ = true;
}

void quiet_clock::cancel_timeouts(caf::abstract_actor* self) {
  if (forget(*self))
    super::cancel_timeouts(self);
}

} // namespace handoff
