#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/types.h>
#include <thread>
#include <unistd.h>

namespace handoff::support {

/// How a process that runs is, read from /proc (proc(5)).
class process_signs {
public:
  explicit process_signs(pid_t pid) : folder_{"/proc/" + std::to_string(pid)} {}

  /// Time on processors since its start, all threads together.
  std::chrono::milliseconds cpu_time() const {
    std::ifstream file{folder_ / "stat"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    // The name, in parentheses, may hold anything; field 3 comes after it.
    std::istringstream fields{text.substr(text.rfind(')') + 2)};
    std::string ignored;
    for (int field = 3; field < 14; ++field)
      fields >> ignored;
    long user = 0;
    long system = 0;
    fields >> user >> system;
    return std::chrono::milliseconds{(user + system) * 1'000
                                     / ::sysconf(_SC_CLK_TCK)};
  }

  std::size_t resident_bytes() const {
    std::ifstream file{folder_ / "statm"};
    std::size_t size = 0;
    std::size_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

  /// Whether a sanitizer runs in it. It keeps memory that was freed.
  bool is_sanitized() const {
    std::ifstream file{folder_ / "maps"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    return text.find("/libasan.so") != text.npos
        || text.find("/libtsan.so") != text.npos;
  }

  std::size_t descriptors() const {
    using iterator = std::filesystem::directory_iterator;
    return static_cast<std::size_t>(
      std::distance(iterator{folder_ / "fd"}, iterator{}));
  }

  /// Whether it has a quarter of a second, within `patience`, in which it is
  /// hardly on a processor. One that spins is not even on a machine that ten
  /// others want.
  bool becomes_idle(std::chrono::milliseconds patience) const {
    constexpr std::chrono::milliseconds window{250};
    constexpr std::chrono::milliseconds hardly{10};
    const auto end = std::chrono::steady_clock::now() + patience;
    do {
      const auto before = cpu_time();
      std::this_thread::sleep_for(window);
      if (cpu_time() - before <= hardly)
        return true;
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

private:
  std::filesystem::path folder_;
};

} // namespace handoff::support
