#include "job/crash_point.hpp"

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace handoff {
namespace {

constexpr const char* crash_variable = "HANDOFF_CRASH_AT";
constexpr const char* fault_variable = "HANDOFF_FAULT_AT";
constexpr const char* hang_variable = "HANDOFF_HANG_AT";

} // namespace

#ifdef HANDOFF_CRASH_POINTS

namespace {

/// NAME:N or NAME:N+; N is 0 where it cannot be read.
struct wanted_place {
  std::string name;
  long nth = 0;
  bool goes_on = false;
  std::atomic<long> passed{0};

  explicit wanted_place(std::string_view given) {
    const auto colon = given.rfind(':');
    if (colon == 0 || colon == std::string_view::npos)
      return;
    name = given.substr(0, colon);
    const auto* last = given.data() + given.size();
    const auto [end, failure] =
      std::from_chars(given.data() + colon + 1, last, nth);
    goes_on = end != last && *end == '+';
    if (failure != std::errc{} || nth < 1 || end + (goes_on ? 1 : 0) != last)
      nth = 0;
  }

  /// Whether this is the passing that was asked for.
  bool is_due(std::string_view place) {
    if (place != name || nth == 0)
      return false;
    const auto now = passed.fetch_add(1) + 1;
    return goes_on ? now >= nth : now == nth;
  }
};

/// The places that a variable lists. Read once, before there are threads.
class wanted_places {
public:
  explicit wanted_places(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr)
      return;
    std::string_view rest{text};
    for (;;) {
      const auto comma = rest.find(',');
      places_.emplace_back(rest.substr(0, comma));
      if (comma == std::string_view::npos)
        return;
      rest.remove_prefix(comma + 1);
    }
  }

  bool is_due(std::string_view place) {
    bool is_any = false;
    for (auto& each : places_) // each of them counts
      is_any = each.is_due(place) || is_any;
    return is_any;
  }

  bool is_well_formed(std::size_t places_max, bool may_go_on) const {
    for (const auto& each : places_)
      if (each.nth == 0 || (each.goes_on && !may_go_on))
        return false;
    return places_.size() <= places_max;
  }

private:
  std::deque<wanted_place> places_; // their counts stay where they are
};

wanted_places& crashes() {
  static wanted_places read_once{crash_variable};
  return read_once;
}

wanted_places& faults() {
  static wanted_places read_once{fault_variable};
  return read_once;
}

/// NAME:FILE; read once, before there are threads.
struct hanging_place {
  std::string name;
  std::string file;

  explicit hanging_place(const char* text) {
    const std::string_view given{text == nullptr ? "" : text};
    const auto colon = given.find(':');
    if (colon == std::string_view::npos)
      return;
    name = given.substr(0, colon);
    file = given.substr(colon + 1);
  }

  void pass(std::string_view place) const {
    if (place != name)
      return;
    while (::access(file.c_str(), F_OK) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
};

const hanging_place& hang() {
  static const hanging_place read_once{std::getenv(hang_variable)};
  return read_once;
}

} // namespace

void crash_point(std::string_view name) {
  hang().pass(name);
  if (crashes().is_due(name)) {
    ::kill(::getpid(), SIGKILL);
    ::pause();
  }
}

void fault_point(std::string_view actor) {
  hang().pass(actor);
  if (faults().is_due(actor))
    throw std::runtime_error{std::string{fault_variable} + " has "
                             + std::string{actor} + " die here"};
}

std::string crash_points_refused() {
  if (!crashes().is_well_formed(1, false))
    return std::string{crash_variable} + " has to be NAME:N";
  if (!faults().is_well_formed(100, true))
    return std::string{fault_variable}
         + " has to be ACTOR:N or ACTOR:N+, with commas between several";
  if (std::getenv(hang_variable) != nullptr
      && (hang().name.empty() || hang().file.empty()))
    return std::string{hang_variable} + " has to be NAME:FILE";
  return {};
}

#else

std::string crash_points_refused() {
  for (const char* variable : {crash_variable, fault_variable, hang_variable})
    if (std::getenv(variable) != nullptr)
      return variable
           + std::string{" is set, but this build has no crash points"};
  return {};
}

#endif

} // namespace handoff
