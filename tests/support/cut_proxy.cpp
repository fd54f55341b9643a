#include "tests/support/cut_proxy.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace handoff {
namespace {

/// What is read ahead of the other side.
constexpr std::size_t ahead_max = 65'536;

void close_end(int& fd) {
  if (fd >= 0)
    ::close(std::exchange(fd, -1));
}

/// False at its end.
bool read_into(std::string& buffer, int fd) {
  std::array<char, 16'384> piece{};
  const auto got = ::recv(fd, piece.data(), piece.size(), MSG_DONTWAIT);
  if (got > 0)
    buffer.append(piece.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

bool write_from(std::string& buffer, int fd) {
  const auto sent =
    ::send(fd, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0)
    buffer.erase(0, static_cast<std::size_t>(sent));
  return sent >= 0 || errno == EAGAIN || errno == EINTR;
}

bool passes_to_server(cut_proxy::cut now) {
  return now == cut_proxy::cut::none || now == cut_proxy::cut::to_client;
}

bool passes_to_client(cut_proxy::cut now) {
  return now == cut_proxy::cut::none || now == cut_proxy::cut::to_server;
}

/// One that nothing is wanted of is not asked: it would tell of its end for
/// ever.
pollfd asked(int fd, bool reads, bool writes) {
  const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
  return {events != 0 ? fd : -1, static_cast<short>(events), 0};
}

} // namespace

cut_proxy::cut_proxy(std::string socket)
    : socket_{std::move(socket)},
      listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0
      || ::listen(listener_, 64) != 0
      || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error{"the proxy cannot listen"};
  port_ = ntohs(at.sin_port);
  thread_ = std::thread{[this] {
    run();
  }};
}

cut_proxy::~cut_proxy() {
  {
    const std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof(one));
  thread_.join();
  for (auto& each : pairs_) {
    close_end(each.client);
    close_end(each.server);
  }
  close_end(listener_);
  close_end(wake_);
}

void cut_proxy::set(cut how) {
  {
    const std::scoped_lock lock{mutex_};
    wanted_ = how;
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof(one));
}

int cut_proxy::connect_server() const {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, socket_.c_str(), sizeof(at.sun_path) - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0)
    return fd;
  ::close(fd);
  return -1;
}

void cut_proxy::take_client(cut now) {
  pair made;
  made.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (made.client < 0)
    return;
  const bool is_silent = now == cut::both || now == cut::half_open;
  if (!is_silent && now != cut::refused)
    made.server = connect_server();
  if (made.server < 0 && !is_silent)
    close_end(made.client);
  else
    pairs_.push_back(std::move(made));
}

void cut_proxy::apply(cut before, cut now) {
  if (before == now)
    return;
  for (auto& each : pairs_) {
    if (now == cut::half_open)
      close_end(each.server);
    if (now == cut::refused)
      each.is_over = true;
    // Who came while nothing passed is led on now.
    if (before == cut::both && each.server < 0) {
      each.server = connect_server();
      each.is_over = each.server < 0;
    }
  }
}

void cut_proxy::serve(pair& one, bool client_ready, bool server_ready,
                      cut now) {
  if (client_ready && !one.client_ended)
    one.client_ended = !read_into(one.to_server, one.client);
  if (server_ready && passes_to_client(now))
    one.is_over |= !read_into(one.to_client, one.server);
  if (passes_to_server(now) && one.server >= 0 && !one.to_server.empty())
    one.is_over |= !write_from(one.to_server, one.server);
  if (passes_to_client(now) && !one.to_client.empty())
    one.is_over |= !write_from(one.to_client, one.client);
  // Of its end the server hears as of all else that the client says.
  one.is_over |= one.client_ended && (passes_to_server(now) || one.server < 0);
}

void cut_proxy::run() {
  auto now = cut::none;
  for (;;) {
    {
      const std::scoped_lock lock{mutex_};
      if (stopping_)
        return;
      apply(now, wanted_);
      now = wanted_;
    }
    pairs_.remove_if([](pair& each) {
      if (each.is_over) {
        close_end(each.client);
        close_end(each.server);
      }
      return each.is_over;
    });
    std::vector<pollfd> all{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    for (const auto& each : pairs_) {
      all.push_back(asked(
        each.client, !each.client_ended && each.to_server.size() < ahead_max,
        passes_to_client(now) && !each.to_client.empty()));
      all.push_back(asked(
        each.server, passes_to_client(now) && each.to_client.size() < ahead_max,
        passes_to_server(now) && !each.to_server.empty()));
    }
    if (::poll(all.data(), all.size(), -1) < 0 && errno != EINTR)
      return;
    std::uint64_t ignored = 0;
    (void)!::read(wake_, &ignored, sizeof(ignored));
    std::size_t at = 2;
    for (auto& each : pairs_) {
      serve(each, all[at].revents != 0, all[at + 1].revents != 0, now);
      at += 2;
    }
    if (all[0].revents != 0)
      take_client(now);
  }
}

} // namespace handoff
