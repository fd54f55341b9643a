#pragma once

#include "tests/support/temp_directory.hpp"

#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace handoff::support {

/// A program that a test runs. It ends with this object: by SIGTERM, and by
/// SIGKILL five seconds later; and by SIGKILL if the thread that started it
/// dies first, so start it in the test's main thread.
class process {
public:
  struct options {
    std::vector<std::string> arguments;
    /// On top of the test's own environment.
    std::map<std::string, std::string> environment;
    /// Empty: the test's own.
    std::string working_directory;
    /// Descriptors of the test that take what it writes, in place of files
    /// whose content `standard_output` and `standard_error` give.
    int output = -1;
    int error = -1;
  };

  /// Throws `std::system_error` if nothing could be started. A program that
  /// does not exist exits with 127.
  process(const std::string& program, const options& chosen);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process();

  pid_t pid() const noexcept { return pid_; }

  /// Does nothing once it has ended.
  void signal(int number);

  /// The exit code, or the negative number of the signal that ended it; none
  /// if it still runs after `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout);

  bool running() { return !wait(std::chrono::milliseconds{0}); }

  /// What it has written until now.
  std::string standard_output() const;
  std::string standard_error() const;

  /// The first complete line, of either output, with `text` in it. None if it
  /// ended or the time is over before there was one.
  std::optional<std::string> wait_for_line(std::string_view text,
                                           std::chrono::milliseconds timeout);

private:
  temp_directory directory_;
  std::string output_file_;
  std::string error_file_;
  pid_t pid_ = -1;
  std::optional<int> exit_;
};

} // namespace handoff::support
