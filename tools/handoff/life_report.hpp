#pragma once

#include "tools/handoff/notify.hpp"

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace handoff {

/// Tells the service manager of the life of the service, in an order that it
/// can follow: nothing of a reload before the service is ready or once it
/// stops. Thread-safe; silent where there is no manager.
class life_report {
public:
  explicit life_report(const std::string& address) : manager_{address} {}

  /// See `notifier::problem`.
  const std::string& problem() const noexcept { return manager_.problem(); }

  /// The listeners are open.
  void ready(std::size_t flows);

  void reload_begins();
  void reload_ended(std::size_t flows);

  /// A sign of life; never waits.
  void alive() const { manager_.tell_at_once("WATCHDOG=1"); }

  /// It begins to drain, which takes `timeout` at the most; the manager is
  /// asked to have that patience and some more.
  void draining(std::chrono::milliseconds timeout);

  /// An actor has died, so that the service ends. Waits at most for another
  /// report that is being sent.
  void lost(const std::string& who);

  void cannot_start(const std::string& why);

private:
  notifier manager_;
  std::mutex mutex_;
  bool is_ready_ = false;
  bool is_stopping_ = false;
};

} // namespace handoff
