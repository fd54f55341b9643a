#include "job/crash_point.hpp"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace handoff {
namespace {

constexpr const char* variable = "HANDOFF_CRASH_AT";

} // namespace

#ifdef HANDOFF_CRASH_POINTS

namespace {

struct wanted_crash {
  std::string name;
  std::atomic<long> left{0};
  bool is_malformed = false;

  wanted_crash() {
    const char* text = std::getenv(variable);
    if (text == nullptr)
      return;
    const std::string_view given{text};
    const auto colon = given.rfind(':');
    long count = 0;
    if (colon != std::string_view::npos)
      std::from_chars(given.data() + colon + 1, given.data() + given.size(),
                      count);
    is_malformed = count < 1;
    name = given.substr(0, colon);
    left = count;
  }
};

wanted_crash& wanted() {
  static wanted_crash read_once;
  return read_once;
}

} // namespace

void crash_point(std::string_view name) {
  auto& crash = wanted();
  if (!crash.name.empty() && crash.name == name
      && crash.left.fetch_sub(1) == 1) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
}

std::string crash_points_refused() {
  return wanted().is_malformed ? std::string{variable} + " has to be NAME:N"
                               : std::string{};
}

#else

std::string crash_points_refused() {
  return std::getenv(variable) == nullptr
         ? std::string{}
         : std::string{variable}
             + " is set, but this build has no crash points";
}

#endif

} // namespace handoff
