#pragma once

// Pistache's headers define macros with common names: for sources of this
// folder only, never for a header that others include.
#include "http/front_door/connections.hpp"
#include "http/front_door/front_door.hpp"

#include <pistache/transport.h>

#include <memory>
#include <optional>
#include <vector>

namespace handoff {

/// What the workers of one front door have in common.
struct worker_settings {
  front_door_options options;
  front_door::handler handle;
  std::shared_ptr<front_door_tally> tally;
};

class input_guard;
class request_handler;

/// One worker of the front door: Pistache's transport between its event loop
/// and its HTTP handler, with a guard before the handler, and with writing,
/// deadlines and timeouts of our own. Nothing in here ever uses Pistache's
/// write queue, which is keyed by descriptors and spins on a full socket.
/// Nor does Pistache read: it takes a client's half-close (SHUT_WR) for its
/// end, and cannot be told to wait. It owns the descriptors and closes them.
class guarded_transport final : public Pistache::Tcp::Transport,
                                private connection_events {
public:
  explicit guarded_transport(std::shared_ptr<const worker_settings> settings);

  /// Closes every connection and tells whoever holds a request of one. Its
  /// thread must have ended.
  ~guarded_transport() override;

  /// Where other threads leave what this worker is to do.
  const std::shared_ptr<reply_outbox>& outbox() const noexcept {
    return outbox_;
  }

  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& fds) override;

private:
  friend class input_guard;

  guarded_transport(std::shared_ptr<const worker_settings> settings,
                    std::shared_ptr<request_handler> inner);

  void on_socket_event(int fd, const Pistache::Aio::FdSet::Entry& event);
  void read(const std::shared_ptr<Pistache::Tcp::Peer>& peer, bool hung_up);
  void tell_pistache(int readable_fd);
  void close(const std::shared_ptr<Pistache::Tcp::Peer>& peer);
  void do_what_is_posted();
  void obey(outbox_item& item);
  void adopt(int fd);
  void arm_timer();

  void watch_writable(int fd, bool wanted) override;
  bool hand_on(int fd, checked_request& request, responder_ptr answer) override;

  const std::shared_ptr<const worker_settings> settings_;
  const std::shared_ptr<input_guard> guard_;
  const std::shared_ptr<request_handler> inner_;
  const std::shared_ptr<reply_outbox> outbox_;
  connections connections_;
  std::vector<char> read_buffer_;
  int timer_ = -1;
  std::optional<connections::time_point> armed_for_;
};

} // namespace handoff
