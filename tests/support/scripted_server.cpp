#include "support/scripted_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <stdexcept>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace handoff::test {

namespace {

/// What comes until the other side goes; false then.
bool receive(int fd, std::string& buffer) {
  std::array<char, 16'384> bytes{};
  auto count = ::recv(fd, bytes.data(), bytes.size(), 0);
  if (count <= 0)
    return false;
  buffer.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

std::size_t content_length(const std::string& head) {
  constexpr std::string_view name = "\r\ncontent-length:";
  auto same = [](char a, char b) {
    return (a | 0x20) == (b | 0x20);
  };
  auto at = std::search(head.begin() + static_cast<long>(head.find('\r')) + 2,
                        head.end(), name.begin() + 2, name.end(), same);
  if (at == head.end())
    return 0;
  auto from = static_cast<std::size_t>(at - head.begin()) + name.size() - 2;
  return std::strtoul(head.c_str() + from, nullptr, 10);
}

/// Takes one request off the front of `buffer`, reading what it lacks.
bool read_request(int fd, std::string& buffer, scripted_server::request& got) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
    if (!receive(fd, buffer))
      return false;
  got.head = buffer.substr(0, end + 4);
  buffer.erase(0, end + 4);
  auto length = content_length(got.head);
  while (buffer.size() < length)
    if (!receive(fd, buffer))
      return false;
  got.body = buffer.substr(0, length);
  buffer.erase(0, length);
  auto space = got.head.find(' ');
  got.method = got.head.substr(0, space);
  got.target =
    got.head.substr(space + 1, got.head.find(' ', space + 1) - space - 1);
  return true;
}

} // namespace

bool scripted_server::peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void scripted_server::peer::answer(std::string_view body) {
  send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size())
       + "\r\n\r\n" + std::string{body});
}

void scripted_server::peer::close() {
  ::shutdown(fd_, SHUT_RDWR);
  open_ = false;
}

void scripted_server::peer::reset() {
  linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  open_ = false;
}

void scripted_server::peer::hang() {
  std::string ignored;
  while (receive(fd_, ignored))
    ;
  open_ = false;
}

scripted_server::scripted_server(script told)
    : told_{std::move(told)},
      listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0
      || ::listen(listener_, 1'024) != 0
      || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size)
           != 0)
    throw std::runtime_error{"cannot listen on 127.0.0.1"};
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] {
    accept_all();
  }};
}

scripted_server::~scripted_server() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    auto guard = std::lock_guard{mutex_};
    for (auto fd : fds_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_)
    thread.join();
  ::close(listener_);
}

std::string scripted_server::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string{path};
}

std::vector<scripted_server::request> scripted_server::requests() const {
  auto guard = std::lock_guard{mutex_};
  return requests_;
}

std::size_t scripted_server::requests_of(std::string_view path) const {
  auto guard = std::lock_guard{mutex_};
  return static_cast<std::size_t>(
    std::count_if(requests_.begin(), requests_.end(),
                  [path](const request& r) { return r.target == path; }));
}

int scripted_server::connections() const {
  auto guard = std::lock_guard{mutex_};
  return connections_;
}

void scripted_server::await_requests(std::size_t count) const {
  auto guard = std::unique_lock{mutex_};
  changed_.wait(guard, [&] { return requests_.size() >= count; });
}

void scripted_server::accept_all() {
  for (;;) {
    auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0)
      return;
    auto guard = std::lock_guard{mutex_};
    fds_.push_back(fd);
    threads_.emplace_back(
      [this, fd, number = ++connections_] { serve(fd, number); });
  }
}

void scripted_server::serve(int fd, int connection) {
  std::string buffer;
  peer other{fd};
  for (auto number = 1; other.open_; ++number) {
    request got;
    got.connection = connection;
    got.on_connection = number;
    if (!read_request(fd, buffer, got))
      break;
    {
      auto guard = std::lock_guard{mutex_};
      requests_.push_back(got);
    }
    changed_.notify_all();
    told_(got, other);
  }
  auto guard = std::lock_guard{mutex_};
  fds_.erase(std::find(fds_.begin(), fds_.end(), fd));
  ::close(fd);
}

} // namespace handoff::test
