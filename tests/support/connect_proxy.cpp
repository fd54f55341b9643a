#include "tests/support/connect_proxy.hpp"

#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace handoff::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  return at;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// False at the end of `from`.
bool pass_on(int from, int to) {
  std::array<char, 16'384> piece{};
  const auto got = ::recv(from, piece.data(), piece.size(), 0);
  return got > 0 && send_all(to, {piece.data(), static_cast<std::size_t>(got)});
}

void pump(int one, int other) {
  for (;;) {
    std::array<pollfd, 2> both{pollfd{one, POLLIN, 0},
                               pollfd{other, POLLIN, 0}};
    if (::poll(both.data(), both.size(), -1) < 0)
      return;
    if (both[0].revents != 0 && !pass_on(one, other))
      return;
    if (both[1].revents != 0 && !pass_on(other, one))
      return;
  }
}

} // namespace

connect_proxy::connect_proxy(int to_port)
    : to_port_{to_port}, listener_{::socket(AF_INET, SOCK_STREAM, 0)} {
  auto at = loopback(0);
  socklen_t size = sizeof(at);
  ::bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
  ::listen(listener_, 16);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread{[this] {
    accept_all();
  }};
}

connect_proxy::~connect_proxy() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    const std::scoped_lock lock{mutex_};
    for (const int fd : open_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& each : threads_)
    each.join();
}

std::vector<std::string> connect_proxy::heads() const {
  const std::scoped_lock lock{mutex_};
  return heads_;
}

void connect_proxy::accept_all() {
  for (;;) {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0)
      return;
    const std::scoped_lock lock{mutex_};
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve(fd);
      const std::scoped_lock closing{mutex_};
      open_.remove(fd);
      ::close(fd);
    });
  }
}

void connect_proxy::serve(int fd) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char each = 0;
    if (::recv(fd, &each, 1, 0) != 1)
      return;
    head += each;
  }
  {
    const std::scoped_lock lock{mutex_};
    heads_.push_back(head);
  }
  const int to = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto at = loopback(to_port_);
  if (head.starts_with("CONNECT ")
      && ::connect(to, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0
      && send_all(fd, "HTTP/1.1 200 Connected\r\n\r\n"))
    pump(fd, to);
  ::close(to);
}

} // namespace handoff::test
