#include "job/retry.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

namespace handoff {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<int> sub_action_retry_on() {
  return {408, 425, 429, 500, 502, 503, 504};
}

std::vector<int> clone_retry_on() {
  return {429, 503};
}

milliseconds backoff(const retry_policy& policy, std::uint32_t failed,
                     double random, std::optional<milliseconds> retry_after) {
  const auto longest = static_cast<double>(policy.max.count());
  const auto exponent = static_cast<double>(std::max(failed, 1u) - 1);
  // pow() of large arguments is infinite, which min() turns into `max`.
  const double whole =
    std::min(longest, static_cast<double>(policy.first.count())
                        * std::pow(policy.factor, exponent));
  const milliseconds own{std::llround(whole * (1.0 - policy.jitter * random))};
  if (!retry_after)
    return own;
  return std::max(own, std::min(*retry_after, policy.max));
}

std::optional<milliseconds>
parse_retry_after(std::string_view text,
                  std::chrono::system_clock::time_point now) {
  text = trimmed(text);
  if (text.empty())
    return std::nullopt;
  std::int64_t number = 0;
  const auto [end, failure] =
    std::from_chars(text.data(), text.data() + text.size(), number);
  if (end == text.data() + text.size() && text[0] != '-') {
    // It is more than any policy allows, and keeps the product in range.
    constexpr std::int64_t longest = 400LL * 24 * 60 * 60;
    if (failure == std::errc::result_out_of_range)
      return seconds{longest};
    return seconds{std::min(number, longest)};
  }
  // IMF-fixdate, and the two obsolete forms that a recipient must accept
  // (RFC 9110, section 5.6.7).
  const std::string date{text};
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y"}) {
    std::tm broken{};
    const char* rest = ::strptime(date.c_str(), form, &broken);
    if (rest == nullptr || *rest != '\0')
      continue;
    // In seconds: the clock's own unit ends before the year 9999.
    const seconds when{::timegm(&broken)};
    const auto today = std::chrono::floor<milliseconds>(now.time_since_epoch());
    return std::max(milliseconds{0}, milliseconds{when} - today);
  }
  return std::nullopt;
}

std::optional<milliseconds>
retry_after_of(const exchange& done,
               std::chrono::system_clock::time_point now) {
  const auto* field = find_header(done.headers, "Retry-After");
  return field != nullptr ? parse_retry_after(*field, now) : std::nullopt;
}

} // namespace handoff
