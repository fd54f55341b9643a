#pragma once

// What `connections` keeps of each connection; for its own sources only.
#include "http/front_door/connections.hpp"
#include "http/front_door/reply_stream.hpp"
#include "http/front_door/wire_reply.hpp"

namespace handoff {

/// What a connection waits for, which decides the timeout that runs. While a
/// request is held it waits for us, and none runs.
enum class connections::wait {
  nothing,
  request,
  head,
  body,
  reader,
  stream,
  end
};

struct connections::connection {
  enum class phase { reading, held, writing, lingering, cut };

  connection(id own_id, int own_fd, input_limits limits)
      : who(own_id), fd(own_fd), check(limits) {}

  const id who;
  const int fd;
  input_check check;
  phase now = phase::reading;
  wait waiting = wait::nothing;
  bool fresh = true; // has not sent a request yet
  // The client has closed its sending side: what it asked for is answered, and
  // nothing more will come.
  bool ended = false;
  // Something may wait in the socket that was not read.
  bool paused = false;
  // The request that is being worked on.
  std::uint64_t request = 0;
  std::shared_ptr<reply_slot> slot;
  wire_options wire;
  int status = 0;
  // What goes on after the answer's head.
  std::shared_ptr<reply_stream> stream;
  // The bytes that the socket did not take yet, from `sent` on.
  std::string unsent;
  std::size_t sent = 0;
  std::size_t counted = 0; // of them, in the sum over all connections
  time_point took_last;    // when the client took the last of them
  bool watched = false;
  // While lingering.
  std::size_t discarded = 0;
  time_point linger_until;
  // It is to end with a reset.
  bool resets = false;
};

} // namespace handoff
