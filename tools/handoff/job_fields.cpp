#include "tools/handoff/job_fields.hpp"

#include "job/json_text.hpp"
#include "tools/handoff/terminal.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace handoff {

using nlohmann::json;
using std::chrono::milliseconds;

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null())
    return {};
  return printable(found->is_string() ? found->get_ref<const std::string&>()
                                      : json_text(*found));
}

const json& list_at(const json& object, const char* key) {
  static const json none = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

const json& object_at(const json& object, const char* key) {
  static const json none = json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : none;
}

std::vector<job_step> steps_in(const json& document) {
  std::vector<job_step> steps;
  const auto add = [&](const char* key, const char* before) {
    for (const auto& each : list_at(document, key))
      steps.push_back({before + text_at(each, "name"), each});
  };
  add("sub_actions", "");
  add("compensations", "undo ");
  add("callbacks", "callback ");
  return steps;
}

std::optional<milliseconds> duration_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer())
    return std::nullopt;
  return milliseconds{found->get<std::int64_t>()};
}

std::optional<std::chrono::system_clock::time_point> time_at(const json& object,
                                                             const char* key) {
  std::tm broken{};
  int ms = 0;
  const auto text = text_at(object, key);
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &broken.tm_year,
                  &broken.tm_mon, &broken.tm_mday, &broken.tm_hour,
                  &broken.tm_min, &broken.tm_sec, &ms)
      != 7)
    return std::nullopt;
  broken.tm_year -= 1900;
  broken.tm_mon -= 1;
  return std::chrono::system_clock::from_time_t(::timegm(&broken))
       + milliseconds{ms};
}

std::string duration_text(milliseconds length) {
  const auto ms = static_cast<long long>(length.count());
  const auto seconds = ms / 1'000;
  std::array<char, 48> text{};
  const auto print = [&](const char* format, auto... values) {
    std::snprintf(text.data(), text.size(), format, values...);
    return std::string{text.data()};
  };
  if (ms < 1'000)
    return print("%lld ms", ms);
  if (seconds < 100)
    return print("%.2f s", static_cast<double>(ms) / 1000.0);
  if (seconds < 2 * 3'600)
    return print("%lld min %lld s", seconds / 60, seconds % 60);
  if (seconds < 48 * 3'600)
    return print("%lld h %lld min", seconds / 3'600, seconds / 60 % 60);
  return print("%lld d %lld h", seconds / 86'400, seconds / 3'600 % 24);
}

std::string short_time(const std::string& timestamp) {
  constexpr std::size_t to_the_second = 19;
  if (timestamp.size() <= to_the_second || timestamp[10] != 'T')
    return timestamp;
  return timestamp.substr(0, 10) + ' ' + timestamp.substr(11, 8) + 'Z';
}

} // namespace handoff
