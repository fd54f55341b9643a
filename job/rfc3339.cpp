#include "job/rfc3339.hpp"

#include <algorithm>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool take(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos)
    return false;
  rest.remove_prefix(1);
  return true;
}

/// `count` digits from the front of `rest`.
std::optional<int> take_number(std::string_view& rest, std::size_t count) {
  if (rest.size() < count
      || !std::all_of(rest.begin(),
                      rest.begin() + static_cast<std::ptrdiff_t>(count),
                      is_digit))
    return std::nullopt;
  int value = 0;
  for (std::size_t at = 0; at < count; ++at)
    value = value * 10 + (rest[at] - '0');
  rest.remove_prefix(count);
  return value;
}

std::optional<milliseconds> take_date(std::string_view& rest) {
  using namespace std::chrono;
  const auto y = take_number(rest, 4);
  const bool dash = take(rest, "-");
  const auto m = take_number(rest, 2);
  const bool second_dash = take(rest, "-");
  const auto d = take_number(rest, 2);
  if (!y || !dash || !m || !second_dash || !d)
    return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok())
    return std::nullopt;
  return milliseconds{sys_days{date}.time_since_epoch()};
}

/// From a point on; nothing is left of `rest` but its digits if it is wrong.
std::optional<milliseconds> take_fraction(std::string_view& rest) {
  milliseconds made{0};
  if (!take(rest, "."))
    return made;
  if (rest.empty() || !is_digit(rest.front()))
    return std::nullopt;
  for (int scale = 100; !rest.empty() && is_digit(rest.front()); scale /= 10) {
    made += milliseconds{scale * (rest.front() - '0')};
    rest.remove_prefix(1);
  }
  return made;
}

std::optional<milliseconds> take_clock(std::string_view& rest) {
  using namespace std::chrono;
  const auto h = take_number(rest, 2);
  const bool colon = take(rest, ":");
  const auto m = take_number(rest, 2);
  const bool second_colon = take(rest, ":");
  const auto s = take_number(rest, 2);
  // A second of 60 is a leap second.
  if (!h || !colon || !m || !second_colon || !s || *h > 23 || *m > 59
      || *s > 60)
    return std::nullopt;
  const auto fraction = take_fraction(rest);
  if (!fraction)
    return std::nullopt;
  return hours{*h} + minutes{*m} + seconds{*s} + *fraction;
}

/// What the local time is ahead of UTC.
std::optional<milliseconds> take_offset(std::string_view& rest) {
  using namespace std::chrono;
  if (take(rest, "Zz"))
    return milliseconds{0};
  const bool is_behind = rest.starts_with('-');
  if (!take(rest, "+-"))
    return std::nullopt;
  const auto h = take_number(rest, 2);
  const bool colon = take(rest, ":");
  const auto m = take_number(rest, 2);
  if (!h || !colon || !m || *h > 23 || *m > 59)
    return std::nullopt;
  const milliseconds made = hours{*h} + minutes{*m};
  return is_behind ? -made : made;
}

} // namespace

std::optional<milliseconds> parse_rfc3339(std::string_view text) {
  const auto date = take_date(text);
  if (!date || !take(text, "Tt "))
    return std::nullopt;
  const auto clock = take_clock(text);
  const auto offset = clock ? take_offset(text) : std::nullopt;
  if (!offset || !text.empty())
    return std::nullopt;
  return *date + *clock - *offset;
}

wall_time wall_time_at(milliseconds since_1970) {
  constexpr auto last = duration_cast<milliseconds>(wall_time::duration::max());
  return wall_time{std::clamp(since_1970, -last, last)};
}

} // namespace handoff
