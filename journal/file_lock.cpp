#include "journal/file_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

namespace handoff {

file_lock::~file_lock() {
  if (file_ < 0)
    return;
  if (is_held_)
    (void)!::ftruncate(file_, 0);
  ::close(file_);
}

file_lock::outcome file_lock::take(const std::string& path) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0)
    return outcome::failed;
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) {
    constexpr std::string_view word = "held\n";
    is_held_ = true;
    // On a full disk, there is only one warning less at the next start.
    (void)!::pwrite(file_, word.data(), word.size(), 0);
    return outcome::held;
  }
  return errno == EWOULDBLOCK ? outcome::taken : outcome::failed;
}

} // namespace handoff
