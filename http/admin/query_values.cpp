#include "http/admin/query_values.hpp"

#include <charconv>
#include <ctime>
#include <string_view>

namespace handoff {

using std::chrono::system_clock;

std::optional<system_clock::time_point> read_time(const std::string& text) {
  std::int64_t seconds = 0;
  const auto* last = text.data() + text.size();
  if (const auto [end, failure] = std::from_chars(text.data(), last, seconds);
      failure == std::errc{} && end == last && seconds >= 0
      && seconds < 253'402'300'800)
    return system_clock::time_point{std::chrono::seconds{seconds}};
  std::tm broken{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &broken);
  if (rest == nullptr)
    return std::nullopt;
  if (*rest == '.')
    rest += 1 + std::string_view{rest + 1}.find_first_not_of("0123456789");
  if (std::string_view{rest} != "Z")
    return std::nullopt;
  return system_clock::time_point{std::chrono::seconds{::timegm(&broken)}};
}

std::optional<std::size_t> read_limit(const std::string& text) {
  std::size_t limit = 0;
  const auto* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, limit);
  if (failure != std::errc{} || end != last || limit < 1 || limit > 1'000)
    return std::nullopt;
  return limit;
}

} // namespace handoff
