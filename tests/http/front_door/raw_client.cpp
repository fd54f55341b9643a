#include "raw_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace handoff::test {
namespace {

constexpr int patience_s = 20;

} // namespace

raw_client::raw_client(std::uint16_t port, const std::string& address) {
  sockaddr_storage at{};
  socklen_t size = sizeof(sockaddr_in);
  auto& v4 = reinterpret_cast<sockaddr_in&>(at);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(at);
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
  } else {
    ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    size = sizeof v6;
  }
  fd_ = ::socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{patience_s, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&at), size) != 0)
    throw std::runtime_error("cannot connect");
}

raw_client::~raw_client() {
  close();
}

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto taken = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (taken <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

std::size_t raw_client::send_some(std::string_view bytes) {
  const auto taken =
    ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return taken > 0 ? static_cast<std::size_t>(taken) : 0;
}

bool raw_client::read_more() {
  std::array<char, 65'536> bytes;
  const auto got = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (got <= 0)
    return false;
  unread_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

std::string raw_client::read_head() {
  std::size_t end = 0;
  while ((end = unread_.find("\r\n\r\n")) == std::string::npos)
    if (!read_more())
      return {};
  const auto head = unread_.substr(0, end + 2);
  unread_.erase(0, end + 4);
  return head;
}

std::optional<raw_answer> raw_client::read_answer(bool has_body) {
  auto head = read_head();
  if (head.empty())
    return std::nullopt;
  raw_answer made;
  made.status = std::stoi(head.substr(9, 3));
  for (auto from = head.find("\r\n") + 2; from < head.size();) {
    const auto end = head.find("\r\n", from);
    const auto colon = head.find(": ", from);
    auto name = head.substr(from, colon - from);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    made.fields[name] = head.substr(colon + 2, end - colon - 2);
    from = end + 2;
  }
  const auto length = made.fields.count("content-length")
                      ? std::stoul(made.fields["content-length"])
                      : 0;
  if (!has_body)
    return made;
  while (unread_.size() < length)
    if (!read_more())
      return std::nullopt;
  made.body = unread_.substr(0, length);
  unread_.erase(0, length);
  return made;
}

std::size_t raw_client::skip(std::size_t bytes) {
  std::size_t skipped = 0;
  while (skipped < bytes && (!unread_.empty() || read_more())) {
    const auto part = std::min(unread_.size(), bytes - skipped);
    unread_.erase(0, part);
    skipped += part;
  }
  return skipped;
}

bool raw_client::at_end() {
  if (!unread_.empty())
    return false;
  char byte = 0;
  const auto got = ::recv(fd_, &byte, 1, 0);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

void raw_client::end_sending() {
  ::shutdown(fd_, SHUT_WR);
}

void raw_client::close(bool abruptly) {
  if (fd_ < 0)
    return;
  if (abruptly) {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::close(fd_);
  fd_ = -1;
}

std::string post(std::string_view path, std::string_view body) {
  std::string bytes = "POST ";
  bytes.append(path)
    .append(" HTTP/1.1\r\nHost: h\r\nContent-Length: ")
    .append(std::to_string(body.size()))
    .append("\r\n\r\n")
    .append(body);
  return bytes;
}

} // namespace handoff::test
