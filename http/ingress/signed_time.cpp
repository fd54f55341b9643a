#include "http/ingress/signed_time.hpp"

#include "job/rfc3339.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

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
  if (rule.written == timestamp_rule::unit::rfc3339)
    return parse_rfc3339(text);
  return read_epoch(text, rule.written == timestamp_rule::unit::ms);
}

std::string in_seconds(milliseconds span) {
  return std::to_string(duration_cast<std::chrono::seconds>(span).count())
       + " s";
}

} // namespace

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
