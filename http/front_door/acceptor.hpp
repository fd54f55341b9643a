#pragma once

#include "http/front_door/descriptors.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace handoff {

/// A socket that listens, and the thread that accepts from it.
///
/// Pistache's own listener is not used: it hands sockets to its workers through
/// a queue that can lose a wake-up, so that a client now and then waits until
/// the next one comes, and it spins while there are no descriptors left.
///
/// Nobody waits in the backlog because there are none left: a spare one is
/// given up for whoever comes, so that he can be told to come again.
class acceptor {
public:
  /// Is given an accepted socket, non-blocking, and owns it; it runs on the
  /// acceptor's thread.
  using taker = std::function<void(int fd)>;

  /// Binds and listens. `address` is an IPv4 or IPv6 address, the latter with
  /// or without brackets, or a name. Throws `std::system_error` that says which
  /// address and port if that fails.
  acceptor(const std::string& address, std::uint16_t port);

  /// Stops accepting and joins.
  ~acceptor();

  acceptor(const acceptor&) = delete;
  acceptor& operator=(const acceptor&) = delete;

  std::uint16_t port() const noexcept { return port_; }

  /// To be called once. `refuse` is given what was accepted with the last
  /// descriptor of the process, which it closes before it returns.
  void start(taker take, taker refuse);

  /// Returns when no more sockets will be given away. May be called again.
  void stop();

private:
  void run(const taker& take, const taker& refuse);
  /// False if there is no descriptor even for a refusal.
  bool accept_all(const taker& take, const taker& refuse);
  /// Refuses whoever is next, with the spare descriptor. The error number if
  /// nobody was accepted with it, else 0.
  int refuse_next(const taker& refuse);

  int listening_ = -1;
  spare_descriptor spare_;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace handoff
