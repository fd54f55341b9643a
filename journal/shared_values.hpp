#pragma once

#include "job/error.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Small values that the owners of a shared journal keep together, and of which
/// one owner at a time makes the next: tokens. What they say is bytes to the
/// journal. Thread-safe; each call waits for the database.
class shared_values {
public:
  struct value {
    std::int64_t version = 0; ///< 0: there is none yet
    std::string bytes;
    /// Whether the asker is the one who makes the next.
    bool is_claimed = false;
  };

  virtual ~shared_values() = default;

  /// The value as it is. If it is no newer than `known`, and nobody else who
  /// lives has claimed it, it is the asker's to replace, for `time`.
  virtual result<value> claim(std::string_view name, std::int64_t known,
                              std::chrono::milliseconds time) = 0;

  /// Replaces the value of version `before`, and gives the claim up. False:
  /// another was faster, and nothing has changed.
  virtual result<bool> put(std::string_view name, std::int64_t before,
                           std::string_view bytes) = 0;

  /// Gives the asker's claim up.
  virtual std::optional<error> release(std::string_view name) = 0;
};

} // namespace handoff
