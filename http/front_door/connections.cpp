#include "http/front_door/connections.hpp"

#include "actors/replies.hpp"
#include "http/front_door/reply_stream.hpp"
#include "http/front_door/wire_reply.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

// After the last answer the client gets that much time and room to stop talking
// and to read: a socket that is closed with bytes unread resets the connection,
// and the answer may be lost with it.
constexpr std::chrono::milliseconds linger_time{2'000};
constexpr std::size_t linger_bytes_max = 262'144;

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

input_limits limits_of(const front_door_options& options) {
  input_limits made;
  made.max_body = options.max_body;
  made.max_headers = options.max_headers;
  made.max_target = options.max_target;
  return made;
}

} // namespace

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
  bool watched = false;
  std::size_t discarded = 0;
};

connections::connections(const front_door_options& options,
                         std::shared_ptr<front_door_tally> tally,
                         std::shared_ptr<reply_outbox> outbox,
                         connection_events& events)
    : options_(options),
      tally_(std::move(tally)),
      outbox_(std::move(outbox)),
      events_(events) {}

connections::~connections() {
  while (!open_.empty())
    lost(open_.begin()->first);
}

connections::connection* connections::find(id who) {
  const auto found = open_.find(who);
  return found == open_.end() ? nullptr : found->second.get();
}

void connections::opened(id who, int fd) {
  auto& made =
    *open_
       .emplace(who, std::make_unique<connection>(who, fd, limits_of(options_)))
       .first->second;
  wait_for(made, wait::request);
}

void connections::lost(id who) {
  const auto found = open_.find(who);
  if (found == open_.end())
    return;
  const auto gone = std::move(found->second);
  open_.erase(found);
  replies_due_.erase(who);
  timeouts_.erase(who);
  --tally_->connections;
  if (gone->now == connection::phase::held)
    --tally_->held;
  if (gone->slot)
    gone->slot->end({gone->status, false});
}

void connections::received(id who, std::string_view bytes) {
  auto* of = find(who);
  if (!of || of->now == connection::phase::cut)
    return;
  if (of->now == connection::phase::lingering) {
    of->discarded += bytes.size();
    if (of->discarded > linger_bytes_max)
      cut(*of);
    return;
  }
  // Nobody can make Pistache stop reading: who sends more than one largest
  // request ahead of its answers is disconnected.
  if (!of->check.feed(bytes, clock::now()))
    return cut(*of);
  advance(*of);
}

void connections::advance(connection& of) {
  while (of.now == connection::phase::reading) {
    auto step = of.check.next();
    if (std::holds_alternative<more_wanted>(step)) {
      wait_for(of, of.check.in_body() ? wait::body
                   : of.check.begun() ? wait::head
                                      : wait::request);
      return;
    }
    if (std::holds_alternative<continue_wanted>(step))
      write(of, "HTTP/1.1 100 Continue\r\n\r\n");
    else if (auto* request = std::get_if<checked_request>(&step))
      hand_on(of, std::move(*request));
    else
      refuse(of, std::get<rejection>(step).why);
  }
}

void connections::hand_on(connection& of, checked_request request) {
  of.now = connection::phase::held;
  of.fresh = false;
  of.wire.http_1_0 = request.http_1_0;
  of.wire.head_only = request.what.method == "HEAD";
  of.wire.close = !request.keep_alive;
  of.status = 0;
  of.slot = std::make_shared<reply_slot>(outbox_, of.who, ++of.request);
  wait_for(of, wait::nothing);
  ++tally_->requests;
  ++tally_->held;
  if (events_.hand_on(of.fd, request, std::make_shared<held_reply>(of.slot)))
    return;
  // It may have left a half answer of its own behind: only an end is safe.
  spdlog::error("front door: a checked request did not reach the handler");
  cut(of);
}

void connections::refuse(connection& of, const error& why) {
  ++tally_->rejected_requests;
  of.wire = {};
  of.wire.close = true;
  of.slot.reset();
  send(of, problem_reply(why));
}

void connections::answered(id who, std::uint64_t request, reply what) {
  auto* of = find(who);
  if (!of || of->now != connection::phase::held || of->request != request)
    return;
  --tally_->held;
  replies_due_.erase(who);
  send(*of, std::move(what));
}

void connections::deadline_changed(id who, std::uint64_t request) {
  auto* of = find(who);
  if (!of || of->now != connection::phase::held || of->request != request)
    return;
  if (const auto due = of->slot->due())
    replies_due_.set(who, *due);
}

void connections::close_idle() {
  for (auto& [who, of] : open_)
    if (of->now == connection::phase::reading && !of->check.begun())
      linger(*of);
}

void connections::send(connection& of, reply what) {
  of.now = connection::phase::writing;
  of.status = what.status;
  add_missing(what, options_.fields);
  of.wire.close =
    of.wire.close || tally_->closing || asks_to_close(what) || what.stream;
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
  if (of.unsent.empty())
    of.unsent = std::move(bytes);
  else
    of.unsent.append(bytes);
  flush(of);
}

void connections::writable(id who) {
  auto* of = find(who);
  if (of && of->now != connection::phase::cut && !of->unsent.empty())
    flush(*of);
}

void connections::flush(connection& of) {
  while (of.sent < of.unsent.size()) {
    const auto taken =
      ::send(of.fd, of.unsent.data() + of.sent, of.unsent.size() - of.sent,
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0) {
      of.sent += static_cast<std::size_t>(taken);
      // A reader that takes its time is one thing, one that stopped another.
      if (of.waiting == wait::reader)
        wait_for(of, wait::nothing);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return cut(of);
    }
  }
  if (of.unsent.size() - of.sent > options_.max_unsent)
    return cut(of);
  const bool done = of.sent == of.unsent.size();
  if (done) {
    of.unsent = {};
    of.sent = 0;
  }
  if (of.watched == done) {
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

void connections::written(connection& of) {
  if (of.slot)
    std::exchange(of.slot, nullptr)->end({of.status, true});
  if (of.wire.close)
    return linger(of);
  of.now = connection::phase::reading;
  advance(of);
}

void connections::linger(connection& of) {
  of.now = connection::phase::lingering;
  of.stream.reset();
  ::shutdown(of.fd, SHUT_WR);
  wait_for(of, wait::end);
}

void connections::cut(connection& of) {
  if (of.now == connection::phase::held) {
    --tally_->held;
    replies_due_.erase(of.who);
  }
  of.now = connection::phase::cut;
  of.stream.reset();
  of.unsent = {};
  of.sent = 0;
  wait_for(of, wait::nothing);
  ::shutdown(of.fd, SHUT_RDWR);
}

void connections::wait_for(connection& of, wait what) {
  // The time for a head or a body runs from its first byte, not its last.
  if (of.waiting == what)
    return;
  of.waiting = what;
  auto time = options_.idle_timeout;
  switch (what) {
  case wait::nothing:
    return timeouts_.erase(of.who);
  case wait::request:
    if (of.fresh)
      time = options_.header_timeout;
    break;
  case wait::head:
    time = options_.header_timeout;
    break;
  case wait::body:
    time = options_.body_timeout;
    break;
  case wait::reader:
    break;
  case wait::stream:
    time = options_.keep_alive;
    break;
  case wait::end:
    time = linger_time;
    break;
  }
  timeouts_.set(of.who, clock::now() + time);
}

void connections::time_out(connection& of) {
  switch (std::exchange(of.waiting, wait::nothing)) {
  case wait::request:
    // Silently: a 408 could be taken for the answer to the next request.
    return linger(of);
  case wait::head:
  case wait::body:
    return refuse(
      of, {error_kind::request_timeout, "The request did not arrive in time."});
  case wait::stream:
    return write(of, of.stream->keep_alive());
  case wait::nothing:
  case wait::reader:
  case wait::end:
    return cut(of);
  }
}

void connections::tick(time_point now) {
  for (const auto who : replies_due_.take_due(now)) {
    auto* of = find(who);
    if (!of || of->now != connection::phase::held)
      continue;
    if (auto fallback = of->slot->expire(now))
      answered(who, of->request, std::move(*fallback));
    else if (const auto later = of->slot->due())
      replies_due_.set(who, *later);
  }
  for (const auto who : timeouts_.take_due(now))
    if (auto* of = find(who))
      time_out(*of);
}

std::optional<connections::time_point> connections::next_tick() const {
  const auto reply = replies_due_.earliest();
  const auto timeout = timeouts_.earliest();
  if (reply && timeout)
    return std::min(*reply, *timeout);
  return reply ? reply : timeout;
}

} // namespace handoff
