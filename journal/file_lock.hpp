#pragma once

#include <string>

namespace handoff {

/// Holds a file for this process (flock(2)): the kernel lets go of it when the
/// process ends, however it ends, so that no stale lock is left to clear away.
/// The file itself stays: empty once its holder has let go of it, and with a
/// word in it where the holder ended without doing so.
class file_lock {
public:
  enum class outcome { held, taken, failed };

  file_lock() = default;
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

  /// Takes the lock, making the file at `path` if it is not there. `taken`:
  /// another holder has it, be it in this process. `failed`: see errno.
  outcome take(const std::string& path);

private:
  int file_ = -1;
  bool is_held_ = false;
};

} // namespace handoff
