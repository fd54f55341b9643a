#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

namespace handoff {

struct log_output_options {
  int descriptor = STDERR_FILENO;
  /// What may wait to be written: so many lines, and so many bytes of them.
  std::size_t lines_max = 20'000;
  std::size_t bytes_max = 4 * 1'024 * 1'024;
  /// Before a batch is written, for others to join it.
  std::chrono::milliseconds linger{1};
  /// How long a flush waits for who reads, and the end of this object too.
  std::chrono::milliseconds patience{1'000};
  /// The line that stands where `lines` are missing, with its newline. Empty:
  /// there is none. Called with a lock held.
  std::function<std::string(std::uint64_t lines)> gap_line;
};

/// Writes lines to a descriptor from a thread of its own, in the order in which
/// they came. Whoever has a line never waits for who reads: when as much waits
/// as may, lines are dropped and counted, and one line tells of them once the
/// others have been written. Thread-safe.
///
/// Its end writes what waits, for `patience` at most: a reader that does not
/// read holds up no end of the process.
class log_output {
public:
  explicit log_output(log_output_options options);
  ~log_output();

  log_output(const log_output&) = delete;
  log_output& operator=(const log_output&) = delete;

  /// Takes a line, with its newline.
  void write(std::string_view line);

  /// Lines that nobody will read: there was no room, or writing failed.
  std::uint64_t dropped() const noexcept;

  /// Waits until all has been written that was taken before, for `patience` at
  /// most. False if that was too short.
  bool flush();

private:
  struct shared_state;

  /// Its thread may outlive this object, in a write that does not return.
  std::shared_ptr<shared_state> state_;
  std::thread writer_;
};

} // namespace handoff
