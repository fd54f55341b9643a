#pragma once

#include "job/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace handoff {

/// What a turn is asked for.
struct turn_request {
  std::string upstream; ///< as `upstream_of` gives it
  call_class purpose = call_class::sub_action;
  /// Jobs have their turns one after the other.
  std::string job;
};

/// What a step holds that waits for its turn. To destroy it withdraws the
/// request: nobody calls `granted` afterwards, and a grant that is under way
/// at that moment on another thread is waited for.
class turn_ticket {
public:
  turn_ticket() = default;
  virtual ~turn_ticket() = default;

  turn_ticket(const turn_ticket&) = delete;
  turn_ticket& operator=(const turn_ticket&) = delete;
};

using turn_ticket_ptr = std::unique_ptr<turn_ticket>;

/// Why an upstream lets none of those who wait through.
struct turn_obstacle {
  enum class reason {
    breaker,     ///< it has failed too often, and is given a rest
    pause,       ///< it has asked for one
    rate,        ///< no more calls a second
    calls,       ///< all its calls are taken
    descriptors, ///< the process has none left for a call
    token,       ///< its connection has none, and waits for one
  };

  reason why = reason::calls;
  /// How long nobody has come through.
  std::chrono::milliseconds lasting{0};
  /// When it will be over, where that is known.
  std::optional<std::chrono::milliseconds> left = {};

  friend bool operator==(const turn_obstacle&, const turn_obstacle&) = default;
};

/// Sees to it that no more calls are made to an upstream than it bears: each
/// attempt needs a turn before it is begun. Thread-safe.
class turns {
public:
  turns() = default;
  virtual ~turns() = default;

  turns(const turns&) = delete;
  turns& operator=(const turns&) = delete;

  /// A turn, where the upstream has room for one at once: no message is sent
  /// and no thread woken. Else the request waits, without an end, and `granted`
  /// is called once, from any thread, when the turn has come. It must neither
  /// block nor throw; it may destroy the ticket.
  virtual std::variant<turn_ptr, turn_ticket_ptr>
  ask(turn_request wanted, std::function<void(turn_ptr)> granted) = 0;

  /// Nobody has a turn of `upstream` for the next `time`: it said so. Then one
  /// goes first, and the others follow in growing numbers.
  virtual void pause(const std::string& upstream,
                     std::chrono::milliseconds time) = 0;

  /// Token number `token` of the connection `upstream` was refused: nobody has
  /// a turn before there is another.
  virtual void token_refused(const std::string& upstream, std::uint64_t token) {
    static_cast<void>(upstream);
    static_cast<void>(token);
  }

  /// What keeps those from their turn that wait for a call of this class to
  /// `upstream`. None if nobody waits.
  virtual std::optional<turn_obstacle> obstacle(const std::string& upstream,
                                                call_class purpose) const = 0;
};

/// Everybody has a turn at once.
class unlimited_turns : public turns {
public:
  std::variant<turn_ptr, turn_ticket_ptr>
  ask(turn_request, std::function<void(turn_ptr)>) override {
    return std::make_shared<turn>();
  }

  void pause(const std::string&, std::chrono::milliseconds) override {}

  std::optional<turn_obstacle> obstacle(const std::string&,
                                        call_class) const override {
    return std::nullopt;
  }
};

} // namespace handoff
