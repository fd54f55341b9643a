#include "http/front_door/connections.hpp"

#include "actors/replies.hpp"
#include "http/front_door/connection_state.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sys/socket.h>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

// After the last answer the client gets that much time and room to stop talking
// and to read (RFC 9112, section 9.6): a socket that is closed with bytes
// unread resets the connection, and the answer may be lost with it.
// `linger_time` is for all of it, this for the next bytes.
constexpr std::chrono::milliseconds linger_pause_max{2'000};
constexpr std::size_t linger_bytes_max = 16'777'216;

// While a request is worked on, so much is read of what follows it, so that
// its time of arrival is known; the rest stays in the socket.
constexpr std::size_t read_ahead_max = 65'536;

input_limits limits_of(const front_door_options& options) {
  input_limits made;
  made.max_body = options.max_body;
  if (!options.for_operators)
    made.max_body_key = "http.max-body";
  made.max_headers = options.max_headers;
  made.max_target = options.max_target;
  return made;
}

} // namespace

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
  unsent_ -= gone->counted;
  replies_due_.erase(who);
  timeouts_.erase(who);
  --tally_->connections;
  if (gone->now == connection::phase::held)
    --tally_->held;
  if (gone->slot)
    gone->slot->end({gone->status, false});
}

std::size_t connections::room_for_input(id who) {
  auto* of = find(who);
  if (!of || of->ended)
    return 0;
  switch (of->now) {
  case connection::phase::reading:
  case connection::phase::lingering:
    return read_ahead_max;
  case connection::phase::held:
  case connection::phase::writing: {
    const auto ahead = of->check.unused_bytes();
    of->paused = ahead >= read_ahead_max;
    return of->paused ? 0 : read_ahead_max - ahead;
  }
  case connection::phase::cut:
    break;
  }
  return 0;
}

void connections::look_again(id who) {
  if (auto* of = find(who))
    events_.watch_writable(of->fd, of->watched);
}

bool connections::resets(id who) {
  const auto* of = find(who);
  return of && of->resets;
}

void connections::received(id who, std::string_view bytes) {
  auto* of = find(who);
  if (!of || of->now == connection::phase::cut)
    return;
  const auto now = clock::now();
  if (of->now == connection::phase::lingering) {
    of->discarded += bytes.size();
    if (of->discarded > linger_bytes_max)
      return reset(*of);
    return timeouts_.set(who,
                         std::min(now + linger_pause_max, of->linger_until));
  }
  // What is read ahead is bounded, so that this does not happen.
  if (!of->check.feed(bytes, now))
    return cut(*of);
  advance(*of);
}

void connections::ended(id who) {
  auto* of = find(who);
  if (!of || std::exchange(of->ended, true))
    return;
  switch (of->now) {
  case connection::phase::reading:
    return end_of_input(*of);
  case connection::phase::lingering:
    return cut(*of);
  case connection::phase::writing:
    // Whether a subscriber is gone for good, only something that is sent to it
    // can tell: then it answers with a reset.
    if (of->stream && of->unsent.empty())
      write(*of, of->stream->keep_alive());
    return;
  case connection::phase::held:
  case connection::phase::cut:
    return;
  }
}

void connections::end_of_input(connection& of) {
  if (of.check.begun())
    refuse(of, {error_kind::invalid_request,
                "The request ended before it was complete."});
  else
    cut(of);
}

void connections::advance(connection& of) {
  while (of.now == connection::phase::reading) {
    auto step = of.check.next();
    if (std::holds_alternative<more_wanted>(step)) {
      if (of.ended)
        return end_of_input(of);
      if (std::exchange(of.paused, false))
        events_.watch_writable(of.fd, of.watched);
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
  if (options_.refused)
    if (const auto head = of.check.known_head())
      options_.refused(*head, why);
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

void connections::linger(connection& of) {
  of.now = connection::phase::lingering;
  of.stream.reset();
  // Nothing can come any more, so there is nothing to wait for.
  if (of.ended)
    return cut(of);
  ::shutdown(of.fd, SHUT_WR);
  of.linger_until = clock::now() + options_.linger_time;
  wait_for(of, wait::end);
  if (std::exchange(of.paused, false))
    events_.watch_writable(of.fd, of.watched);
}

void connections::reset(connection& of) {
  of.resets = true;
  cut(of);
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
  unsent_ -= std::exchange(of.counted, 0);
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
    time = options_.reader_timeout;
    break;
  case wait::stream:
    time = options_.keep_alive;
    break;
  case wait::end:
    time = std::min(linger_pause_max, options_.linger_time);
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
  case wait::end:
    // Who was sending until now would take a closed window for patience.
    return clock::now() < of.linger_until ? cut(of) : reset(of);
  case wait::reader:
    return reset(of);
  case wait::nothing:
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
