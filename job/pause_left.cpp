#include "job/pause_left.hpp"

#include <algorithm>

namespace handoff {

std::chrono::milliseconds
pause_left(wall_time due, const std::vector<attempt>& attempts, wall_time now) {
  using std::chrono::milliseconds;
  auto left = due - now;
  if (!attempts.empty()) {
    const auto& last = attempts.back();
    const auto ended = last.started + last.waited + last.duration;
    left = std::min<wall_time::duration>(left, due - ended);
  }
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(left));
}

} // namespace handoff
