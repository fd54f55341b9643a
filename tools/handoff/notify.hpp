#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Tells the service manager how the service fares: the protocol of
/// sd_notify(3) of systemd, one datagram of `NAME=VALUE` lines a message.
/// Thread-safe.
class notifier {
public:
  /// `address` is what NOTIFY_SOCKET says: the absolute path of a socket, or
  /// "@" and an abstract name (unix(7)); empty: there is nobody to tell, which
  /// is no fault.
  explicit notifier(const std::string& address);
  ~notifier();

  notifier(const notifier&) = delete;
  notifier& operator=(const notifier&) = delete;

  /// Why nobody will hear although somebody should: an address that cannot be
  /// one. Empty: all is well.
  const std::string& problem() const noexcept { return problem_; }

  /// Sends it, and waits up to a second for room. False where it was not sent;
  /// there is nothing to be done about that.
  bool tell(std::string_view state) const noexcept;

  /// Sends it if there is room now: for what comes again anyway.
  bool tell_at_once(std::string_view state) const noexcept;

private:
  bool send(std::string_view state, int flags) const noexcept;

  std::string address_; ///< as sockaddr_un has it; empty: none
  std::string problem_;
  int socket_ = -1;
};

/// NOTIFY_SOCKET of the environment, or nothing.
std::string notify_address();

/// How long a service manager waits for a sign of life (WATCHDOG_USEC, which is
/// in microseconds); 0 where it waits for none, or for another process
/// (WATCHDOG_PID).
std::chrono::microseconds watchdog_patience();

/// What says that the service reloads, with the time that the protocol asks for
/// (CLOCK_MONOTONIC in microseconds).
std::string reloading_state();

} // namespace handoff
