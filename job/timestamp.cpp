#include "job/timestamp.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace handoff {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::string timestamp(wall_time when) {
  const auto ms = duration_cast<milliseconds>(when.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  std::array<char, 32> text{};
  const auto length =
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &broken);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                static_cast<int>(ms % 1000));
  return std::string{text.data(), length} + fraction.data();
}

} // namespace handoff
