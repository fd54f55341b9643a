#pragma once

#include "actors/turns.hpp"
#include "http/front_door/descriptors.hpp"
#include "http/outbound/governor.hpp"
#include "http/outbound/token_table.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace handoff {

/// A file descriptor, closed when it goes.
class owned_fd {
public:
  explicit owned_fd(int fd) : fd_{fd} {}

  ~owned_fd();
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;

  int get() const noexcept { return fd_; }

private:
  int fd_;
};

class call_turns;

/// A turn that the governor gave, with a place for the call's socket.
class governed_turn : public turn {
public:
  governed_turn(std::shared_ptr<call_turns> from, std::uint64_t call,
                socket_place place);

  /// Gives itself back unused, if nobody said what came of it.
  ~governed_turn() override;

  /// The call is over, and its turn with it. Once.
  void finished(call_outcome outcome);

  /// Where the call's socket has its descriptor. Once.
  socket_place take_place() noexcept { return std::move(place_); }

private:
  std::shared_ptr<call_turns> from_; ///< null once it is given back
  std::uint64_t call_;
  socket_place place_;
};

/// The turns of all calls: the governor and the descriptors, for any thread to
/// ask. What has to wait for a time waits for the outbound loop, whose thread
/// calls `tick`; it is woken only for a time that is earlier than those it
/// knows of.
class call_turns : public turns,
                   public std::enable_shared_from_this<call_turns> {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Connections that need a token have it in `tokens`, which may be null.
  /// `now` is the time, which must not go backwards; any thread asks for it.
  /// Nobody has a turn while `may_call` says no; null: it never does.
  explicit call_turns(
    governor_options options, std::shared_ptr<token_table> tokens = nullptr,
    std::function<time_point()> now = std::chrono::steady_clock::now,
    std::function<bool()> may_call = nullptr);

  std::variant<turn_ptr, turn_ticket_ptr>
  ask(turn_request wanted, std::function<void(turn_ptr)> granted) override;

  void pause(const std::string& upstream,
             std::chrono::milliseconds time) override;

  std::optional<turn_obstacle> obstacle(const std::string& upstream,
                                        call_class purpose) const override;

  void token_refused(const std::string& upstream, std::uint64_t token) override;

  /// Whether there may be a token for the connection `upstream`, or none any
  /// more.
  void token_changed(const std::string& upstream);

  /// The limits of the connections, by name.
  void set_limits(std::map<std::string, governor_options, std::less<>> own);

  /// See `governor`.
  void set_share(const lease_share& share);
  bool keeps_to_limits() const;

  bool has_waiting(const std::string& upstream) const;

  std::vector<upstream_counts> counts() const;
  clone_room room_for_clones(const std::string& upstream) const;

  /// Nobody who waits has a turn any more.
  void close();

  // For the outbound loop.

  /// Becomes readable when `tick` is due earlier than it was told, or `wake`
  /// was called.
  int wakeup() const noexcept { return wakeup_.get(); }

  void wake() noexcept;

  /// Gives the turns that have come by now. When it is to be called next, if
  /// nothing else happens.
  std::optional<time_point> tick(time_point now);

  /// Whether calls wait for a descriptor.
  bool lacks_descriptors() const;

  /// Whether idle connections may keep theirs.
  bool leaves_room_for_idle() const noexcept {
    return sockets_.leave_room_for_idle();
  }

private:
  friend class governed_turn;
  class ticket;

  /// Who waits, until told. Its mutex is held while it is told.
  struct waiter {
    std::recursive_mutex mutex;
    bool withdrawn = false;
    std::function<void(turn_ptr)> granted;
  };

  struct grant {
    std::shared_ptr<waiter> to;
    turn_ptr given;
  };

  void finished(std::uint64_t call, call_outcome outcome);
  void withdraw(std::uint64_t call, waiter& who);
  /// Takes the turns that have come; that of `wanted` is returned.
  turn_ptr take_ready(time_point now, std::optional<std::uint64_t> wanted = {});
  /// When something may start that does not start now; with the mutex held.
  std::optional<time_point> next_wakeup(time_point now);
  /// To be called with the mutex held, after whatever may let somebody through.
  void tell_loop();
  void hand_out();

  /// To be called with the mutex held.
  void look_for_token(const std::string& upstream, time_point now);

  owned_fd wakeup_;
  const std::function<time_point()> now_;
  const std::shared_ptr<token_table> tokens_; ///< has a lock of its own
  const std::function<bool()> may_call_;
  mutable std::mutex mutex_;
  // What follows is guarded by it.
  governor governor_;
  call_sockets sockets_; ///< has a lock of its own
  std::uint64_t last_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<waiter>> waiters_;
  std::vector<grant> granted_; ///< but not told
  bool handing_out_ = false;   ///< one thread tells
  bool is_shut_ = false;       ///< `may_call` said no
  bool closed_ = false;
  std::optional<time_point> known_to_loop_;
  shortage shortage_;
};

} // namespace handoff
