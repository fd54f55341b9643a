#pragma once

#include "actors/responder.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

namespace handoff {

/// A socket that was accepted and is the worker's from now on.
struct socket_accepted {
  int fd = -1;
};

/// The answer to the request that the item names.
struct answer_given {
  reply what;
};

/// The deadline of the request that the item names has changed.
struct deadline_changed {};

/// The stream that answers the request has something to take.
struct stream_grew {};

/// To be run on the worker's thread.
struct call_wanted {
  std::function<void()> run;
};

/// Idle connections are to be closed.
struct closing_begun {};

/// What a worker is asked to do. The connection is named by a number that is
/// never used again, not by its descriptor: that one belongs to the next client
/// as soon as this one hangs up.
struct outbox_item {
  std::uint64_t connection = 0;
  std::uint64_t request = 0;
  std::variant<socket_accepted, answer_given, deadline_changed, stream_grew,
               call_wanted, closing_begun>
    what;
};

/// The way from all threads to the one worker that owns a connection.
/// Thread-safe. It holds no more than one item for each answer, deadline,
/// stream and accepted socket, so what bounds those bounds it.
class reply_outbox {
public:
  /// Throws `std::system_error` if there is no eventfd to be had.
  reply_outbox();
  ~reply_outbox();

  reply_outbox(const reply_outbox&) = delete;
  reply_outbox& operator=(const reply_outbox&) = delete;

  /// Readable while there are items of other threads; for the worker's poller.
  int descriptor() const noexcept { return wake_; }

  /// The calling thread is the worker. What it posts itself wakes nobody,
  /// because it drains before it waits again.
  void own();

  /// False, and nothing kept, once the outbox is closed.
  bool post(outbox_item item);

  /// Takes everything, in the order of posting.
  std::vector<outbox_item> drain();

  /// Makes the descriptor readable, whatever is in here.
  void wake() noexcept;

  /// Takes everything for the last time.
  std::vector<outbox_item> close();

private:
  int wake_ = -1;
  std::mutex mutex_;
  std::thread::id owner_;
  bool closed_ = false;
  std::vector<outbox_item> items_;
};

} // namespace handoff
