#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace handoff::support {

/// What a service manager listens on.
class manager_socket {
public:
  explicit manager_socket(std::string address) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    auto length = offsetof(sockaddr_un, sun_path) + address.size();
    if (address[0] == '@')
      address[0] = '\0';
    else
      ++length;
    std::memcpy(at.sun_path, address.data(), address.size());
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&at),
               static_cast<socklen_t>(length))
        != 0)
      throw std::system_error{errno, std::generic_category(), "bind"};
    // A test that waits for what does not come must end.
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  ~manager_socket() { ::close(socket_); }

  manager_socket(const manager_socket&) = delete;
  manager_socket& operator=(const manager_socket&) = delete;

  /// The next message; empty if none has come.
  std::string read(int flags = MSG_DONTWAIT) const {
    std::string text(4'096, '\0');
    const auto got = ::recv(socket_, text.data(), text.size(), flags);
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

  /// The next message, within twenty seconds.
  std::string wait() const { return read(0); }

private:
  int socket_ = -1;
};

} // namespace handoff::support
