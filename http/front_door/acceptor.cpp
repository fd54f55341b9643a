#include "http/front_door/acceptor.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace handoff {
namespace {

constexpr int backlog = 4'096;
constexpr int pause_without_descriptors_ms = 50;

[[noreturn]] void fail(int code, const std::string& address,
                       std::uint16_t port) {
  throw std::system_error(code, std::generic_category(),
                          "cannot listen on " + address + ":"
                            + std::to_string(port));
}

using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

address_list resolve(const std::string& address, std::uint16_t port) {
  auto host = address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)
      != 0)
    fail(EADDRNOTAVAIL, address, port);
  return {found, &::freeaddrinfo};
}

// The descriptor of the listening socket, or the error number, negated.
int listen_on(const addrinfo& at) {
  const int fd =
    ::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  const int on = 1;
  // Accepted sockets inherit TCP_NODELAY.
  if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
      && ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0
      && ::bind(fd, at.ai_addr, at.ai_addrlen) == 0
      && ::listen(fd, backlog) == 0)
    return fd;
  const int code = errno;
  ::close(fd);
  return -code;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return 0;
  return ntohs(at.ss_family == AF_INET6
                 ? reinterpret_cast<const sockaddr_in6&>(at).sin6_port
                 : reinterpret_cast<const sockaddr_in&>(at).sin_port);
}

} // namespace

acceptor::acceptor(const std::string& address, std::uint16_t port) {
  const auto list = resolve(address, port);
  int code = EADDRNOTAVAIL;
  for (const auto* at = list.get(); at && listening_ < 0; at = at->ai_next) {
    listening_ = listen_on(*at);
    if (listening_ < 0)
      code = -listening_;
  }
  if (listening_ < 0)
    fail(code, address, port);
  port_ = port_of(listening_);
  stop_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (stop_ < 0) {
    code = errno;
    ::close(listening_);
    fail(code, address, port);
  }
  spare_ = spare_descriptor{listening_};
}

acceptor::~acceptor() {
  stop();
  ::close(listening_);
  ::close(stop_);
}

void acceptor::stop() {
  const std::uint64_t one = 1;
  while (::write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  if (thread_.joinable())
    thread_.join();
}

void acceptor::start(taker take, taker refuse) {
  thread_ = std::thread([this, take = std::move(take),
                         refuse = std::move(refuse)] { run(take, refuse); });
}

void acceptor::run(const taker& take, const taker& refuse) {
  bool nothing_left = false;
  shortage noted;
  for (;;) {
    std::array<pollfd, 2> wanted{};
    wanted[0] = {stop_, POLLIN, 0};
    // A negative descriptor is skipped: what cannot be accepted stays readable
    // and would make this spin.
    wanted[1] = {nothing_left ? -1 : listening_, POLLIN, 0};
    ::poll(wanted.data(), wanted.size(),
           nothing_left ? pause_without_descriptors_ms : -1);
    if (wanted[0].revents != 0)
      return;
    nothing_left = !accept_all(take, refuse);
    if (nothing_left && noted.begins(std::chrono::steady_clock::now()))
      spdlog::error("front door: cannot accept, no descriptors are left");
  }
}

int acceptor::refuse_next(const taker& refuse) {
  spare_.give_up();
  const int fd =
    ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  const int code = fd < 0 ? errno : 0;
  if (fd >= 0)
    refuse(fd);
  spare_ = spare_descriptor{listening_};
  return code;
}

bool acceptor::accept_all(const taker& take, const taker& refuse) {
  // Bounded, so that a stop is seen in between.
  for (int i = 0; i < backlog; ++i) {
    // Another thread may have been quicker when it was to be had again.
    if (!spare_)
      spare_ = spare_descriptor{listening_};
    const int fd =
      ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take(fd);
      continue;
    }
    int code = errno;
    if (is_want_of_descriptors(code))
      code = refuse_next(refuse);
    if (is_want_of_descriptors(code))
      return false;
    if (code == EAGAIN || code == EWOULDBLOCK)
      return true;
    // Anything else is the fate of that one client (accept(2)).
  }
  return true;
}

} // namespace handoff
