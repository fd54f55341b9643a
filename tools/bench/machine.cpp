#include "tools/bench/machine.hpp"

#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace bench {

using namespace std::chrono;

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec)
         + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

double syncs_per_second(const std::filesystem::path& directory) {
  const auto path = directory / "syncs";
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  const std::string block(4'096, 'x');
  std::size_t count = 0;
  const auto began = steady_clock::now();
  while (steady_clock::now() - began < seconds{1}) {
    if (::write(file, block.data(), block.size()) < 0 || ::fdatasync(file) < 0)
      throw std::runtime_error{"fdatasync failed"};
    ++count;
  }
  const duration<double> took = steady_clock::now() - began;
  ::close(file);
  std::filesystem::remove(path);
  return static_cast<double>(count) / took.count();
}

} // namespace bench
