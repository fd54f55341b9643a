#include "tools/handoff/notify.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace handoff {
namespace {

/// The variable as a whole number; none if it is not set or is no such.
std::optional<long long> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr)
    return std::nullopt;
  long long number = 0;
  const auto* last = text + std::strlen(text);
  const auto [end, failure] = std::from_chars(text, last, number);
  if (failure != std::errc{} || end != last || number <= 0)
    return std::nullopt;
  return number;
}

} // namespace

notifier::notifier(const std::string& address) {
  if (address.empty())
    return;
  if (address.size() < 2 || (address[0] != '/' && address[0] != '@')
      || address.size() >= sizeof(sockaddr_un::sun_path)) {
    problem_ =
      "NOTIFY_SOCKET is neither the absolute path of a socket nor \"@\" "
      "and a name, of at most "
      + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes";
    return;
  }
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    problem_ = "there is no socket to notify the service manager with: "
             + std::generic_category().message(errno);
    return;
  }
  const timeval patience{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  address_ = address;
  if (address_[0] == '@')
    address_[0] = '\0';
}

notifier::~notifier() {
  if (socket_ >= 0)
    ::close(socket_);
}

bool notifier::tell(std::string_view state) const noexcept {
  return send(state, MSG_NOSIGNAL);
}

bool notifier::tell_at_once(std::string_view state) const noexcept {
  return send(state, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool notifier::send(std::string_view state, int flags) const noexcept {
  if (socket_ < 0)
    return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  // The length says where an abstract name ends, which may hold zero bytes.
  auto length = offsetof(sockaddr_un, sun_path) + address_.size();
  if (address_[0] != '\0')
    ++length;
  const auto sent = ::sendto(socket_, state.data(), state.size(), flags,
                             reinterpret_cast<const sockaddr*>(&to),
                             static_cast<socklen_t>(length));
  return sent == static_cast<ssize_t>(state.size());
}

std::string notify_address() {
  const char* text = std::getenv("NOTIFY_SOCKET");
  return text == nullptr ? std::string{} : std::string{text};
}

std::chrono::microseconds watchdog_patience() {
  const auto patience = number_in("WATCHDOG_USEC");
  if (!patience)
    return std::chrono::microseconds{0};
  if (std::getenv("WATCHDOG_PID") != nullptr
      && number_in("WATCHDOG_PID") != ::getpid())
    return std::chrono::microseconds{0};
  return std::chrono::microseconds{*patience};
}

std::string reloading_state() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto microseconds =
    static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds);
}

} // namespace handoff
