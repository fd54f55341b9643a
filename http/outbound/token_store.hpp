#pragma once

#include "job/error.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace handoff {

/// Keeps refresh tokens in files, of mode 0600: each in one of its own, as JSON
/// with a digest of the first refresh token, the one of the configuration. A
/// file of another first one is not used: somebody has begun a new chain.
///
/// Writing is done on a thread of its own, in a new file that is synced and
/// then takes the place of the old one; a crash leaves the one or the other.
class token_store {
public:
  /// Told on that thread, once it is on the disk or cannot be; must not block.
  using completion = std::function<void(std::optional<error>)>;

  token_store() = default;

  /// Waits for what is being written.
  ~token_store();

  token_store(const token_store&) = delete;
  token_store& operator=(const token_store&) = delete;

  /// What `file` has; none if it is not there, cannot be read or is of another
  /// chain.
  static std::optional<std::string> read(const std::string& file,
                                         const std::string& first);

  void save(std::string file, const std::string& first,
            const std::string& refresh_token, completion done);

  /// Does something else that waits, on that thread.
  void later(std::function<void()> work);

  /// Writes it now, on this thread.
  static std::optional<error> write(const std::string& file,
                                    const std::string& text);

private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  /// One for each connection at the most.
  std::deque<std::function<void()>> orders_;
  bool stopping_ = false;
  std::thread thread_; ///< begins with the first order
};

} // namespace handoff
