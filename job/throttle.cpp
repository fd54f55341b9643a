#include "job/throttle.hpp"

#include "job/text.hpp"
#include "job/timestamp.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest_wait{30LL * 24 * 3600};
// A number of seconds beyond a year is a point in time since the epoch.
constexpr double year = 365.0 * 24 * 3600;

std::optional<double> number_in(std::string_view text) {
  text = trimmed(text);
  if (text.empty())
    return std::nullopt;
  double number = 0;
  const auto [end, failure] =
    std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()
      || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<milliseconds> reset_in(std::string_view text, wall_time now) {
  auto number = number_in(text);
  if (!number)
    return std::nullopt;
  if (*number > year)
    *number -= std::chrono::duration<double>(now.time_since_epoch()).count();
  const auto bounded =
    std::clamp(*number, 0.0, static_cast<double>(longest_wait.count()));
  return milliseconds{std::llround(std::ceil(bounded * 1000))};
}

bool is_reset_field(std::string_view name) {
  const auto lower = lower_case(name);
  return lower == "ratelimit-reset"
      || (lower.starts_with("x-") && lower.ends_with("ratelimit-reset")
          && (lower.size() == std::string_view{"x-ratelimit-reset"}.size()
              || lower.ends_with("-ratelimit-reset")));
}

std::optional<milliseconds> wait_of(const exchange& done, wall_time now) {
  if (const auto asked = retry_after_of(done, now))
    return std::min<milliseconds>(*asked, longest_wait);
  for (const auto& field : done.headers)
    if (is_reset_field(field.name))
      if (const auto asked = reset_in(field.value, now))
        return asked;
  return std::nullopt;
}

} // namespace

std::optional<not_now> not_now_of(const exchange& done, wall_time now) {
  if (done.failure)
    return std::nullopt;
  if (done.status == 403) {
    const auto* left = find_header(done.headers, "X-RateLimit-Remaining");
    const bool used_up = left != nullptr && number_in(*left) == 0.0;
    if (!used_up && find_header(done.headers, "Retry-After") == nullptr)
      return std::nullopt;
  } else if (done.status != 429) {
    return std::nullopt;
  }
  return not_now{wait_of(done, now)};
}

milliseconds lengthened(const retry_policy& policy, milliseconds wait,
                        double random) {
  return wait
       + milliseconds{std::llround(static_cast<double>(wait.count())
                                   * policy.jitter * random)};
}

throttle_step after_not_now(const retry_policy& policy, const not_now& answer,
                            wall_time since, wall_time now, double random,
                            milliseconds own) {
  const auto left =
    std::max(milliseconds{0}, policy.throttled_for
                                - duration_cast<milliseconds>(std::max(
                                  now - since, wall_time::duration{0})));
  const auto wait =
    answer.wait ? std::max(*answer.wait, std::min(policy.first, left)) : own;
  if (wait <= left && left > milliseconds{0})
    return {std::min(lengthened(policy, wait, random), left), {}};
  return {std::nullopt,
          {error_kind::throttled,
           "the upstream asks to wait until " + timestamp(now + wait)
             + ", which is later than retry.throttled-for allows ("
             + timestamp(now + left) + ")"}};
}

} // namespace handoff
