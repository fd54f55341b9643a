#include "http/front_door/connection_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

// A reader that is as fast as we are must not keep the worker for itself.
constexpr std::size_t flush_bytes_max = 1'048'576;

// For how long what was sent may stay unacknowledged on a stream.
constexpr unsigned vanished_after_ms = 60'000;

// A stream's few bytes fit the socket's buffer for hours: that the peer
// vanished, only the kernel can tell (RFC 5482).
void notice_vanished_peer(int fd) {
  if (::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished_after_ms,
                   sizeof vanished_after_ms)
      != 0)
    spdlog::warn("front door: a subscriber that vanishes may keep its place");
}

} // namespace

void connections::send(connection& of, reply what) {
  of.now = connection::phase::writing;
  of.status = what.status;
  add_missing(what, options_.fields);
  of.wire.close = of.wire.close || tally_->closing || asks_to_close(what)
               || what.stream || (of.ended && !of.check.begun());
  auto bytes = wire_reply(what, of.wire, std::chrono::system_clock::now());
  if (what.stream && !of.wire.head_only) {
    notice_vanished_peer(of.fd);
    of.stream = std::move(what.stream);
    of.stream->on_more([outbox = outbox_, who = of.who, request = of.request] {
      outbox->post({who, request, handoff::stream_grew{}});
    });
  }
  write(of, std::move(bytes));
}

void connections::stream_grew(id who, std::uint64_t request) {
  auto* of = find(who);
  // What is unsent goes first; after it the stream is asked anyway.
  if (of && of->request == request && of->stream && of->unsent.empty())
    go_on(*of);
}

void connections::go_on(connection& of) {
  wait_for(of, wait::stream);
  auto bytes = of.stream->take();
  if (!bytes.empty())
    return write(of, std::move(bytes));
  if (of.stream->has_ended()) {
    of.stream.reset();
    written(of);
  }
}

void connections::write(connection& of, std::string bytes) {
  if (of.unsent.empty()) {
    of.took_last = clock::now();
    of.unsent = std::move(bytes);
  } else {
    of.unsent.append(bytes);
  }
  flush(of);
}

void connections::writable(id who) {
  auto* of = find(who);
  if (of && of->now != connection::phase::cut && !of->unsent.empty())
    flush(*of);
}

void connections::flush(connection& of) {
  const auto room = of.sent + flush_bytes_max;
  while (of.sent < of.unsent.size() && of.sent < room) {
    const auto taken =
      ::send(of.fd, of.unsent.data() + of.sent,
             std::min(of.unsent.size() - of.sent, room - of.sent),
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0) {
      of.sent += static_cast<std::size_t>(taken);
      of.took_last = clock::now();
      // A reader that takes its time is one thing, one that stopped another.
      if (of.waiting == wait::reader)
        wait_for(of, wait::nothing);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return cut(of);
    }
  }
  const bool done = of.sent == of.unsent.size();
  if (done) {
    of.unsent = {};
    of.sent = 0;
  }
  count_unsent(of);
  // Anew where the socket takes more but others have their turn before.
  if (of.watched == done || of.sent >= room) {
    of.watched = !done;
    events_.watch_writable(of.fd, of.watched);
  }
  if (of.now != connection::phase::writing)
    return;
  if (!done)
    wait_for(of, wait::reader);
  else if (of.stream)
    // By way of the outbox, where others have their turn in between.
    outbox_->post({of.who, of.request, handoff::stream_grew{}});
  else
    written(of);
}

void connections::count_unsent(connection& of) {
  const auto before = std::exchange(of.counted, of.unsent.size());
  unsent_ += of.counted;
  unsent_ -= before;
  // Whoever needs no more than he has needed before makes nobody go.
  while (of.counted > before && unsent_ > options_.max_unsent) {
    // Not the one that asks for much, but the one that reads nothing of it.
    connection* slowest = nullptr;
    for (const auto& [who, each] : open_)
      if (each->counted > 0 && each.get() != &of
          && (!slowest || each->took_last < slowest->took_last))
        slowest = each.get();
    if (!slowest)
      return;
    spdlog::warn("front door: a client that does not read its answer is "
                 "disconnected: {} bytes of answers wait for readers",
                 unsent_);
    reset(*slowest);
  }
}

void connections::written(connection& of) {
  if (of.slot)
    std::exchange(of.slot, nullptr)->end({of.status, true});
  if (of.wire.close)
    return linger(of);
  of.now = connection::phase::reading;
  advance(of);
}

} // namespace handoff
