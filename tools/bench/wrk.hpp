#pragma once

#include "tools/bench/program.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace bench {

/// What wrk tells at its end.
struct sent {
  std::size_t answers = 0;
  std::size_t bad = 0; ///< other than 2xx and 3xx, and those that were missed
  double p50_ms = 0;
  double p99_ms = 0;
};

/// wrk(1) while it posts webhooks to a port of 127.0.0.1, `senders` at once,
/// for that long: what `script` says.
class wrk {
public:
  wrk(std::uint16_t port, std::size_t senders, std::chrono::seconds sending,
      const std::filesystem::path& log,
      const std::filesystem::path& script = WEBHOOK_LUA);

  /// Waits for its end. Throws `std::runtime_error`, with what it said, if it
  /// failed.
  sent told();

private:
  std::chrono::seconds sending_;
  program program_;
};

} // namespace bench
