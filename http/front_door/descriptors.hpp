#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace handoff {

/// How the descriptors of the process are shared out, by their numbers: the
/// kernel gives the lowest one that is free, so that who is given number N
/// knows that all below it are taken.
///
///     0 ...... connections of senders, calls | operators | everybody else
///                                 public_end ^           ^ operators_end
///
/// Everybody else is what the service itself opens and closes while it runs:
/// files of the journal, sockets that look up names. That must not fail
/// because there are many senders; nor may an operator who wants to know why
/// they are refused.
class descriptor_shares {
public:
  /// Kept from senders and calls, of `limit`: an eighth, and this at the most.
  /// Half of it is kept from operators, too.
  static constexpr std::uint64_t kept_max = 64;

  explicit descriptor_shares(std::uint64_t limit) noexcept;

  /// Of the limit that holds now (RLIMIT_NOFILE), which may be changed from
  /// outside (prlimit(2)).
  static descriptor_shares now() noexcept;

  std::uint64_t limit() const noexcept { return limit_; }

  std::uint64_t public_end() const noexcept { return limit_ - kept_; }

  std::uint64_t operators_end() const noexcept { return limit_ - kept_ / 2; }

  /// Connections of senders, where `others` descriptors are taken for good.
  /// Each may bring a webhook whose clone needs another one: half of what there
  /// is.
  std::uint64_t senders_max(std::uint64_t others) const noexcept;

private:
  std::uint64_t limit_;
  std::uint64_t kept_;
};

/// How many are open; none if /proc does not tell.
std::optional<std::size_t> open_descriptors();

/// A descriptor of no use but that it can be given up for another.
class spare_descriptor {
public:
  /// None.
  spare_descriptor() = default;

  /// One more for what `of`, which is open, stands for; none if the process has
  /// no more.
  explicit spare_descriptor(int of) noexcept;

  spare_descriptor(spare_descriptor&& other) noexcept;
  spare_descriptor& operator=(spare_descriptor&& other) noexcept;
  ~spare_descriptor();

  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// -1 if there is none.
  int number() const noexcept { return fd_; }

  void give_up() noexcept;

private:
  int fd_ = -1;
};

/// Whether the system call that failed with `code` did so for want of
/// descriptors or of what they are made of.
bool is_want_of_descriptors(int code) noexcept;

class socket_place;

/// The sockets of calls: each call has a place for its own before it begins, so
/// that none is begun in vain. While there are plenty, the place is a promise
/// and costs nothing; otherwise it is a descriptor. Thread-safe.
class call_sockets {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `like` is any descriptor; it stays open as long as this is used.
  explicit call_sockets(int like) noexcept;

  call_sockets(const call_sockets&) = delete;
  call_sockets& operator=(const call_sockets&) = delete;

  /// None if no descriptor is left for a call.
  std::optional<socket_place> place(time_point now) noexcept;

  /// Whether idle connections may have theirs: few are taken.
  bool leave_room_for_idle() const noexcept;

  /// Whether a call would be given no place, now or within the second before.
  bool are_short(time_point now) noexcept;

private:
  friend class socket_place;

  std::optional<socket_place> place_unlocked(time_point now) noexcept;
  void opened(int fd) noexcept;

  const int like_;
  mutable std::mutex mutex_;
  // What follows is guarded by it.
  descriptor_shares shares_ = descriptor_shares::now();
  std::uint64_t newest_; ///< the number of the socket that was opened last
  time_point look_again_ = {};
  std::optional<time_point> last_short_;
};

/// A place among the descriptors for the socket of one call. Outlived by the
/// `call_sockets` that it is of.
class socket_place {
public:
  /// None: its sockets are opened as long as there are any descriptors.
  socket_place() = default;

  /// As socket(2), close-on-exec, in this place; in any other once that is
  /// taken or given up. Descriptors can be short for all that: another thread
  /// may be quicker, or the plenty was not there any more.
  int open(int family, int type, int protocol) noexcept;

  /// No socket is needed (any more).
  void give_up() noexcept { kept_.give_up(); }

  /// As those of all calls; false if this is none.
  bool are_short(call_sockets::time_point now) const noexcept {
    return of_ && of_->are_short(now);
  }

private:
  friend class call_sockets;

  socket_place(call_sockets& of, spare_descriptor kept) noexcept
      : of_{&of}, kept_{std::move(kept)} {}

  call_sockets* of_ = nullptr;
  spare_descriptor kept_;
};

/// Tells the first of a row of refusals, so that the log has a line for each
/// row.
class shortage {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Somebody is refused or put off at `now`. True if nobody was within the
  /// minute before.
  bool begins(time_point now) noexcept;

private:
  std::optional<time_point> last_;
};

} // namespace handoff
