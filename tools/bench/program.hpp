#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace bench {

/// What a program, and those that it started and that still run, has used of
/// the machine since its start.
struct usage {
  double cpu_seconds = 0;         ///< user and system
  std::uint64_t peak_kib = 0;     ///< VmHWM
  std::uint64_t resident_kib = 0; ///< VmRSS, which is that of now
  std::uint64_t threads = 0;
};

/// A program that runs beside this one and ends with it. Both of its outputs
/// go to one file.
class program {
public:
  /// Throws `std::system_error` if it cannot be started.
  program(const std::vector<std::string>& command, std::string output_file);

  program(const program&) = delete;
  program& operator=(const program&) = delete;

  ~program();

  /// What follows the last ':' of the first line with `text` in it, as a port.
  /// Throws `std::runtime_error`, with the output, if there is none in time.
  std::uint16_t port_after(std::string_view text);

  /// Throws if it is gone.
  usage used() const;

  /// Waits for it to end by itself; its output. Throws if it takes longer.
  std::string output_at_end(std::chrono::seconds patience);

  /// Asks it to end (SIGTERM) and returns its exit code, or the negative number
  /// of the signal that ended it.
  int stop();

private:
  std::string output_file_;
  pid_t pid_ = -1;
};

} // namespace bench
