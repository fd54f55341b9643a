#pragma once

#include <caf/detail/thread_safe_actor_clock.hpp>

#include <mutex>
#include <set>

namespace handoff {

/// CAF's clock, left alone by those who want nothing of it: every actor that
/// ends has its timeouts cancelled, which wakes the clock's thread, though
/// hardly any actor has one. Thread-safe.
class quiet_clock : public caf::detail::thread_safe_actor_clock {
public:
  using real_clock = caf::detail::thread_safe_actor_clock;

  /// Whose thread runs; must outlive this.
  explicit quiet_clock(real_clock& real) : real_{real} {}

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                            caf::atom_value type, std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self,
                           caf::message_id id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self,
                         caf::atom_value type, std::uint64_t id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self,
                               caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self,
                              caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target,
                        caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

private:
  void remember(const caf::abstract_actor& self);
  bool forget(const caf::abstract_actor& self);

  real_clock& real_;
  std::mutex mutex_;
  /// That may have a timeout, until they end.
  std::set<caf::actor_id> owners_;
};

} // namespace handoff
