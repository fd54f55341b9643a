#pragma once

#include "http/front_door/deadline_queue.hpp"
#include "http/front_door/input_check.hpp"
#include "http/front_door/reply_outbox.hpp"
#include "http/front_door/responder.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace handoff {

/// What all workers and the acceptor of one front door share.
struct front_door_tally {
  std::atomic<std::size_t> connections = 0;
  std::atomic<std::size_t> held = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> rejected_requests = 0;
  std::atomic<bool> closing = false; ///< every answer is the last one
};

/// What `connections` needs of the event loop that it lives in.
class connection_events {
public:
  /// From now on, tell or do not tell when `fd` can be written to. What can be
  /// read of it already, or written to it, is told once more.
  virtual void watch_writable(int fd, bool wanted) = 0;

  /// Brings the request to the handler. False if it did not get there.
  virtual bool hand_on(int fd, checked_request& request,
                       responder_ptr answer) = 0;

protected:
  ~connection_events() = default;
};

/// The connections of one worker: their bytes, their requests, their answers
/// and their timeouts. One request of a connection is worked on at a time, and
/// the next one only when the answer is in the socket's buffer: a client that
/// does not read gets nothing new to read.
///
/// It never closes a descriptor: it shuts the socket down, and who owns the
/// descriptor sees the end of file and says `lost`. Not thread-safe.
class connections {
public:
  using id = std::uint64_t;
  using time_point = std::chrono::steady_clock::time_point;

  connections(const front_door_options& options,
              std::shared_ptr<front_door_tally> tally,
              std::shared_ptr<reply_outbox> outbox, connection_events& events);
  ~connections();

  connections(const connections&) = delete;
  connections& operator=(const connections&) = delete;

  void opened(id who, int fd);
  /// The client is gone; whoever held its request is told.
  void lost(id who);
  /// How many bytes of it are to be read now. If none, whoever reads is told to
  /// look again (`connection_events::watch_writable`) once some are.
  std::size_t room_for_input(id who);
  /// More may be there to read than was.
  void look_again(id who);
  void received(id who, std::string_view bytes);
  /// The client has closed its sending side (SHUT_WR). It gets the answers to
  /// what it has sent, then the connection ends.
  void ended(id who);
  /// Whether the connection, which is to be closed, has to end with a reset:
  /// the client still sends, or does not read.
  bool resets(id who);
  void writable(id who);

  /// All of these ignore connections and requests that are no more.
  void answered(id who, std::uint64_t request, reply what);
  void deadline_changed(id who, std::uint64_t request);
  void stream_grew(id who, std::uint64_t request);
  void close_idle();

  /// Does what is due at `now`.
  void tick(time_point now);
  /// When `tick` is to be called next.
  std::optional<time_point> next_tick() const;

private:
  struct connection;
  enum class wait;

  connection* find(id who);
  void advance(connection& of);
  void end_of_input(connection& of);
  void hand_on(connection& of, checked_request request);
  void refuse(connection& of, const error& why);
  void send(connection& of, reply what);
  void write(connection& of, std::string bytes);
  void flush(connection& of);
  void go_on(connection& of);
  void count_unsent(connection& of);
  void written(connection& of);
  void linger(connection& of);
  void reset(connection& of);
  void cut(connection& of);
  void wait_for(connection& of, wait what);
  void time_out(connection& of);

  const front_door_options options_;
  const std::shared_ptr<front_door_tally> tally_;
  const std::shared_ptr<reply_outbox> outbox_;
  connection_events& events_;
  std::unordered_map<id, std::unique_ptr<connection>> open_;
  std::size_t unsent_ = 0; // bytes of answers, over all connections
  deadline_queue replies_due_;
  deadline_queue timeouts_;
};

} // namespace handoff
