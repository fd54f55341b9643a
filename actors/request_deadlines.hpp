#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_clock.hpp>
#include <caf/message_id.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace handoff {

/// When requests between actors are given up on. CAF has a timeout of its own
/// for a request: a lock, an event and a wake-up of the clock's thread to wind
/// it, and it stays until its actor ends, however soon the answer comes. A job
/// makes some twenty requests. Here a deadline goes with the answer, and no
/// thread is woken for it.
///
/// A hashed timing wheel (Varghese and Lauck, Hashed and Hierarchical Timing
/// Wheels, SOSP 1987, scheme 6): adding and removing are O(1), and a request
/// ends within `turn` after its deadline, never before. Thread-safe.
class request_deadlines
    : public std::enable_shared_from_this<request_deadlines> {
  struct entry;
  using entries = std::list<entry>;

public:
  using time_point = caf::actor_clock::time_point;

  static constexpr std::chrono::seconds turn{1};

  /// The deadline of one request, for as long as this lives.
  class ticket {
    friend class request_deadlines;

  public:
    ticket(ticket&& other) noexcept = default;
    ticket& operator=(ticket&&) = delete;
    ~ticket();

  private:
    ticket(std::shared_ptr<request_deadlines> of, entries::iterator at)
        : of_{std::move(of)}, at_{at} {}

    std::shared_ptr<request_deadlines> of_;
    entries::iterator at_;
  };

  /// Gives `who` the error `caf::sec::request_timeout` in place of `answer`,
  /// once it is `due`.
  ticket add(const caf::actor_addr& who, caf::message_id answer,
             time_point due);

  /// `begin_turns` is called when there is something to wait for and nobody
  /// does, by whoever adds it; it has to see to it that `expire` is called a
  /// `turn` later. At once, where something waits already.
  void on_first(std::function<void()> begin_turns);

  /// Ends the requests that are due. False: nothing is left, and the turns may
  /// end until they are begun again.
  bool expire(time_point now);

  /// How many requests wait.
  std::size_t size() const;

private:
  static constexpr std::size_t slots_max = 64;

  struct entry {
    caf::actor_addr who;
    caf::message_id answer;
    time_point due;
    entries* in; ///< the list that has it
  };

  static std::int64_t turn_of(time_point when);
  entries& slot_of(std::int64_t turn_number);
  void remove(entries::iterator at);

  mutable std::mutex mutex_;
  std::array<entries, slots_max> slots_;
  entries ended_; ///< whose tickets are still out
  std::size_t waiting_ = 0;
  std::int64_t next_turn_ = 0;
  bool turning_ = false;
  std::function<void()> begin_turns_;
};

} // namespace handoff
