#include "http/admin/query_values.hpp"

#include "job/rfc3339.hpp"

#include <algorithm>
#include <charconv>

namespace handoff {

using std::chrono::system_clock;

std::optional<system_clock::time_point> read_time(const std::string& text) {
  std::int64_t seconds = 0;
  const auto* last = text.data() + text.size();
  if (const auto [end, failure] = std::from_chars(text.data(), last, seconds);
      failure == std::errc{} && end == last && seconds >= 0
      && seconds < 253'402'300'800)
    return wall_time_at(std::chrono::seconds{seconds});
  const auto when = parse_rfc3339(text);
  if (!when)
    return std::nullopt;
  return std::max(wall_time_at(*when), wall_time{});
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
