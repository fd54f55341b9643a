#include "http/front_door/reply_outbox.hpp"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace handoff {

reply_outbox::reply_outbox() : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_ < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

reply_outbox::~reply_outbox() {
  ::close(wake_);
}

void reply_outbox::own() {
  const std::lock_guard guard(mutex_);
  owner_ = std::this_thread::get_id();
}

bool reply_outbox::post(outbox_item item) {
  const std::lock_guard guard(mutex_);
  if (closed_)
    return false;
  // If something is there already, its wake-up is on the way or its owner is
  // about to drain.
  const bool silent = !items_.empty() || owner_ == std::this_thread::get_id();
  items_.push_back(std::move(item));
  if (!silent)
    wake();
  return true;
}

std::vector<outbox_item> reply_outbox::drain() {
  const std::lock_guard guard(mutex_);
  // Under the lock, so that no wake-up can be read away that belongs to an item
  // which is not taken.
  std::uint64_t ignored = 0;
  while (::read(wake_, &ignored, sizeof ignored) < 0 && errno == EINTR) {
  }
  return std::exchange(items_, {});
}

void reply_outbox::wake() noexcept {
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is full, hence readable.
  while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

std::vector<outbox_item> reply_outbox::close() {
  const std::lock_guard guard(mutex_);
  closed_ = true;
  return std::exchange(items_, {});
}

} // namespace handoff
