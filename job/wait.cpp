#include "job/wait.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace handoff {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

milliseconds left_until(wall_time ends, wall_time now) {
  return std::max(milliseconds{0}, duration_cast<milliseconds>(ends - now));
}

std::string in_words(milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s"
                           : std::to_string(count) + " ms";
}

} // namespace

wait_step after_look(const wait_rules& rules, wall_time ends, wall_time now,
                     std::optional<milliseconds> retry_after) {
  const auto left = left_until(ends, now);
  if (left == milliseconds{0} || retry_after.value_or(milliseconds{0}) > left)
    return {std::nullopt};
  return {std::min(std::max(rules.every, retry_after.value_or(milliseconds{0})),
                   left)};
}

milliseconds after_restart(const wait_rules& rules, wall_time ends,
                           wall_time now, double random) {
  return std::min(milliseconds{std::llround(
                    static_cast<double>(rules.every.count()) * random)},
                  left_until(ends, now));
}

error wait_timed_out(const wait_rules& rules, int status) {
  return {error_kind::wait_timed_out,
          "it was not done after " + in_words(rules.limit)
            + (status == 0
                 ? std::string{}
                 : "; the last answer had status " + std::to_string(status))};
}

} // namespace handoff
