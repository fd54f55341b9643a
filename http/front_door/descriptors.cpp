#include "http/front_door/descriptors.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <limits>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace handoff {
namespace {

/// With so many numbers between the newest socket and the end of all, places
/// are promised. More than are begun at once, and more than senders take until
/// the next socket shows it.
constexpr std::uint64_t plenty = 1'024;

/// For how long a limit that leaves plenty is believed.
constexpr std::chrono::seconds look_every{1};

constexpr std::chrono::seconds short_for{1};

constexpr std::chrono::minutes row_ends_after{1};

} // namespace

descriptor_shares::descriptor_shares(std::uint64_t limit) noexcept
    : limit_{limit}, kept_{std::min(kept_max, limit / 8)} {}

descriptor_shares descriptor_shares::now() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0
      || limit.rlim_cur == RLIM_INFINITY)
    return descriptor_shares{std::numeric_limits<int>::max()};
  return descriptor_shares{limit.rlim_cur};
}

std::uint64_t
descriptor_shares::senders_max(std::uint64_t others) const noexcept {
  return public_end() > others ? (public_end() - others) / 2 : 0;
}

std::optional<std::size_t> open_descriptors() {
  std::error_code failed;
  const std::filesystem::directory_iterator open{"/proc/self/fd", failed};
  if (failed)
    return std::nullopt;
  // The one that reads them is among them.
  return static_cast<std::size_t>(std::distance(begin(open), end(open))) - 1;
}

spare_descriptor::spare_descriptor(int of) noexcept
    : fd_{::fcntl(of, F_DUPFD_CLOEXEC, 0)} {}

spare_descriptor::spare_descriptor(spare_descriptor&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)} {}

spare_descriptor&
spare_descriptor::operator=(spare_descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

spare_descriptor::~spare_descriptor() {
  give_up();
}

void spare_descriptor::give_up() noexcept {
  if (const int fd = std::exchange(fd_, -1); fd >= 0)
    ::close(fd);
}

bool is_want_of_descriptors(int code) noexcept {
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

call_sockets::call_sockets(int like) noexcept
    : like_{like}, newest_{shares_.limit()} {}

std::optional<socket_place> call_sockets::place(time_point now) noexcept {
  const auto guard = std::lock_guard{mutex_};
  return place_unlocked(now);
}

std::optional<socket_place>
call_sockets::place_unlocked(time_point now) noexcept {
  const auto are_plenty = [this] {
    return newest_ + plenty < shares_.public_end();
  };
  if (now >= look_again_ || !are_plenty()) {
    shares_ = descriptor_shares::now();
    look_again_ = now + look_every;
  }
  if (are_plenty())
    return socket_place{*this, {}};
  spare_descriptor kept{like_};
  if (!kept
      || static_cast<std::uint64_t>(kept.number()) >= shares_.public_end()) {
    last_short_ = now;
    return std::nullopt;
  }
  newest_ = static_cast<std::uint64_t>(kept.number());
  return socket_place{*this, std::move(kept)};
}

bool call_sockets::leave_room_for_idle() const noexcept {
  const auto guard = std::lock_guard{mutex_};
  const auto end = shares_.public_end();
  return newest_ + std::min(plenty, end / 4) < end;
}

bool call_sockets::are_short(time_point now) noexcept {
  const auto guard = std::lock_guard{mutex_};
  // A promise would say nothing.
  newest_ = shares_.limit();
  return !place_unlocked(now)
      || (last_short_ && now - *last_short_ < short_for);
}

void call_sockets::opened(int fd) noexcept {
  const auto guard = std::lock_guard{mutex_};
  // Where there is none, there is no plenty either.
  newest_ = fd < 0 ? shares_.limit() : static_cast<std::uint64_t>(fd);
}

int socket_place::open(int family, int type, int protocol) noexcept {
  give_up();
  const int fd = ::socket(family, type | SOCK_CLOEXEC, protocol);
  if (of_ != nullptr)
    of_->opened(fd);
  return fd;
}

bool shortage::begins(time_point now) noexcept {
  const bool first = !last_ || now - *last_ > row_ends_after;
  last_ = now;
  return first;
}

} // namespace handoff
