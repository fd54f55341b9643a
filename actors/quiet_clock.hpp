#pragma once

#include <caf/detail/thread_safe_actor_clock.hpp>

#include <mutex>
#include <set>

namespace handoff {

/// CAF's clock, left alone by those who want nothing of it: every actor that
/// ends has its timeouts cancelled, which wakes the clock's thread, though
/// hardly any actor has one. Thread-safe.
class quiet_clock final : public caf::detail::thread_safe_actor_clock {
public:
  using super = caf::detail::thread_safe_actor_clock;

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self,
                            caf::atom_value type, std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self,
                           caf::message_id id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self,
                         caf::atom_value type, std::uint64_t id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;

  /// No thread reads what the clock is told any more, and it holds little.
  void close();

private:
  void remember(const caf::abstract_actor& self);
  bool forget(const caf::abstract_actor& self);

  std::mutex mutex_;
  /// That may have a timeout, until they end.
  std::set<caf::actor_id> owners_;
  bool is_closed_ = false;
};

} // namespace handoff
