#include "http/ingress/signed_time.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// `count` digits from the front of `rest`.
std::optional<int> take_number(std::string_view& rest, std::size_t count) {
  if (rest.size() < count)
    return std::nullopt;
  int value = 0;
  for (std::size_t at = 0; at < count; ++at) {
    if (!is_digit(rest[at]))
      return std::nullopt;
    value = value * 10 + (rest[at] - '0');
  }
  rest.remove_prefix(count);
  return value;
}

bool take(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos)
    return false;
  rest.remove_prefix(1);
  return true;
}

/// Whole numbers only, and no more digits than a year of five digits needs.
std::optional<milliseconds> read_epoch(std::string_view text, bool is_ms) {
  const std::size_t digits_max = is_ms ? 15 : 12;
  if (text.empty() || text.size() > digits_max
      || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return milliseconds{is_ms ? count : count * 1000};
}

std::optional<milliseconds> read_time(const timestamp_rule& rule,
                                      std::string_view text) {
  if (rule.written != timestamp_rule::unit::rfc3339)
    return read_epoch(text, rule.written == timestamp_rule::unit::ms);
  const auto parsed = parse_rfc3339(text);
  if (!parsed)
    return std::nullopt;
  return duration_cast<milliseconds>(parsed->time_since_epoch());
}

std::string in_seconds(milliseconds span) {
  return std::to_string(duration_cast<std::chrono::seconds>(span).count())
       + " s";
}

} // namespace

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_number(text, 4);
  const bool dash = take(text, "-");
  const auto mo = take_number(text, 2);
  const bool dash_2 = take(text, "-");
  const auto d = take_number(text, 2);
  const bool mark = take(text, "Tt ");
  const auto h = take_number(text, 2);
  const bool colon = take(text, ":");
  const auto mi = take_number(text, 2);
  const bool colon_2 = take(text, ":");
  const auto s = take_number(text, 2);
  if (!y || !dash || !mo || !dash_2 || !d || !mark || !h || !colon || !mi
      || !colon_2 || !s || *y < 1970 || *h > 23 || *mi > 59 || *s > 60)
    return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok())
    return std::nullopt;
  auto when = milliseconds{sys_days{date}.time_since_epoch()} + hours{*h}
            + minutes{*mi} + seconds{*s};
  if (take(text, ".")) {
    if (text.empty() || !is_digit(text.front()))
      return std::nullopt;
    for (int scale = 100; !text.empty() && is_digit(text.front());
         scale /= 10) {
      when += milliseconds{scale * (text.front() - '0')};
      text.remove_prefix(1);
    }
  }
  if (take(text, "Zz"))
    return text.empty() ? std::optional{wall_time{when}} : std::nullopt;
  const bool ahead = text.starts_with('+');
  if (!take(text, "+-"))
    return std::nullopt;
  const auto oh = take_number(text, 2);
  const bool colon_3 = take(text, ":");
  const auto om = take_number(text, 2);
  if (!oh || !colon_3 || !om || *oh > 23 || *om > 59 || !text.empty())
    return std::nullopt;
  const auto offset = hours{*oh} + minutes{*om};
  return wall_time{ahead ? when - offset : when + offset};
}

std::optional<error> check_age(const timestamp_rule& rule,
                               std::string_view text, wall_time now,
                               std::string& age) {
  const auto sent = read_time(rule, text);
  if (!sent)
    return error{error_kind::unauthorized,
                 rule.written == timestamp_rule::unit::s
                   ? "the timestamp is not a number of seconds since 1970"
                 : rule.written == timestamp_rule::unit::ms
                   ? "the timestamp is not a number of milliseconds since 1970"
                   : "the timestamp is not a date and time of RFC 3339"};
  const auto distance =
    duration_cast<milliseconds>(now.time_since_epoch()) - *sent;
  const bool old = distance >= milliseconds{0};
  const auto span = old ? distance : -distance;
  age = "the timestamp is " + in_seconds(span) + (old ? " old; " : " ahead; ")
      + in_seconds(rule.tolerance) + " are allowed";
  if (span <= rule.tolerance)
    return std::nullopt;
  return error{error_kind::unauthorized, age};
}

} // namespace handoff
