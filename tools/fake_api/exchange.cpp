// How one connection goes from a request to its answer.

#include "tools/fake_api/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace fake_api {

namespace {

constexpr std::size_t everything = static_cast<std::size_t>(-1);

std::string_view filler_block() {
  static const std::string block(64 * 1024, 'x');
  return block;
}

const step default_step;

} // namespace

void server::advance(connection& one) {
  while (one.socket.open() && one.at == stage::reading) {
    if (one.input.empty() && !read_more(one))
      return;
    const auto taken = one.reader.feed(one.input);
    one.input.erase(0, taken);
    if (one.reader.failed()) {
      ledger_.malformed();
      one.input.clear();
      send(one, compose_plain({}, 400, "text/plain", "not HTTP/1.1\n"),
           ending::close);
      continue;
    }
    if (one.reader.take_expectation()) {
      one.output = "HTTP/1.1 100 Continue\r\n\r\n";
      one.written = 0;
      // So few bytes into an idle socket: what does not fit is lost, and the
      // client sends its body after a while anyway (RFC 9110, 10.1.1).
      write_some(one, everything);
    }
    if (one.reader.complete())
      begin(one);
  }
}

bool server::read_more(connection& one) {
  std::array<char, 16 * 1024> block;
  for (;;) {
    const auto count = recv(one.socket.number(), block.data(), block.size(), 0);
    if (count > 0) {
      one.input.assign(block.data(), static_cast<std::size_t>(count));
      return true;
    }
    if (count < 0 && errno == EINTR)
      continue;
    if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
      drop(one, "client_gone");
    return false;
  }
}

void server::begin(connection& one) {
  one.incoming = one.reader.take();
  if (one.incoming.path.starts_with("/_fake/")) {
    send(one, control(one.incoming), ending::none);
    return;
  }
  one.counted = true;
  one.ticket = ledger_.begin(one.incoming, one.number);
  one.rules = rules_;
  one.scripted = rules_->next(one.incoming);
  if (!one.scripted)
    one.scripted = &default_step;
  auto delay = one.scripted->delay;
  if (one.scripted->jitter.count() > 0)
    delay +=
      std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{
        0, one.scripted->jitter.count()}(random_)};
  if (delay.count() == 0) {
    answer_now(one);
    return;
  }
  one.at = stage::delayed;
  start_timer(one, delay);
}

void server::answer_now(connection& one) {
  const auto& scripted = *one.scripted;
  const bool released = one.at == stage::hanging;
  if (scripted.fault == fault_kind::reset) {
    drop(one, "reset", true);
    return;
  }
  if (scripted.fault == fault_kind::close) {
    drop(one, "closed");
    return;
  }
  if (scripted.fault == fault_kind::hang && !released) {
    one.at = stage::hanging;
    hanging_.insert(one.number);
    return;
  }
  auto made = compose(one.incoming, scripted, one.ticket.seq, ledger_);
  switch (scripted.fault) {
  case fault_kind::cut:
    made.body.resize(made.body.size() / 2);
    send(one, std::move(made), ending::cut);
    return;
  case fault_kind::garbage:
    made.head.clear();
    made.body = "\x16\x03\x01 this is not HTTP\r\n\r\n";
    send(one, std::move(made), ending::garbage);
    return;
  case fault_kind::drip:
    one.output = made.head + made.body;
    one.written = 0;
    one.status = made.status;
    one.end = made.last ? ending::close : ending::none;
    one.at = stage::dripping;
    if (!scripted.drip_from_start)
      write_some(one, made.head.size());
    if (one.socket.open())
      drip(one);
    return;
  default:
    send(one, std::move(made), ending::none);
  }
}

void server::send(connection& one, answer made, ending end) {
  one.status = made.status;
  one.end = end == ending::none && made.last ? ending::close : end;
  one.output = std::move(made.head);
  one.output += made.body;
  one.written = 0;
  one.filler_bytes = made.filler_bytes;
  one.at = stage::sending;
  flush(one);
}

void server::flush(connection& one) {
  if (write_some(one, everything) && write_filler(one))
    finish(one);
}

/// Whether all of the output is written, or the first `bytes_max` of what was
/// left of it.
bool server::write_some(connection& one, std::size_t bytes_max) {
  const auto end =
    one.written + std::min(bytes_max, one.output.size() - one.written);
  while (one.written < end) {
    const auto count =
      ::send(one.socket.number(), one.output.data() + one.written,
             end - one.written, MSG_NOSIGNAL);
    if (count > 0)
      one.written += static_cast<std::size_t>(count);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return false;
    else if (errno != EINTR) {
      drop(one, "client_gone");
      return false;
    }
  }
  return true;
}

bool server::write_filler(connection& one) {
  while (one.filler_bytes > 0) {
    const auto block = one.filler_bytes == 1
                       ? std::string_view{"\""}
                       : filler_block().substr(0, one.filler_bytes - 1);
    const auto count =
      ::send(one.socket.number(), block.data(), block.size(), MSG_NOSIGNAL);
    if (count > 0)
      one.filler_bytes -= static_cast<std::uint64_t>(count);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return false;
    else if (errno != EINTR) {
      drop(one, "client_gone");
      return false;
    }
  }
  return true;
}

void server::drip(connection& one) {
  write_some(one, one.scripted->drip_bytes);
  if (!one.socket.open())
    return;
  if (one.written == one.output.size())
    finish(one);
  else
    start_timer(one, one.scripted->drip_every);
}

void server::finish(connection& one) {
  switch (one.end) {
  case ending::cut:
    drop(one, "cut");
    return;
  case ending::garbage:
    drop(one, "garbage");
    return;
  case ending::close:
    drop(one, "answered");
    return;
  case ending::none:
    break;
  }
  if (one.counted)
    ledger_.end(one.ticket, "answered", one.status);
  one.counted = false;
  one.at = stage::reading;
  one.rules.reset();
  one.scripted = nullptr;
  one.output.clear();
  one.incoming = {};
}

void server::drop(connection& one, const char* outcome, bool with_reset) {
  if (!one.socket.open())
    return;
  const bool answered = std::string_view{outcome} == "answered";
  if (one.counted)
    ledger_.end(one.ticket, outcome, answered ? one.status : 0);
  if (with_reset) {
    const linger at_once{1, 0};
    setsockopt(one.socket.number(), SOL_SOCKET, SO_LINGER, &at_once,
               sizeof(at_once));
  }
  one.socket.close();
  ledger_.connection_closed();
  hanging_.erase(one.number);
  // Whoever called still holds a reference: it goes at the end of the round.
  const auto found = connections_.find(one.number);
  dropped_.push_back(std::move(found->second));
  connections_.erase(found);
}

} // namespace fake_api
