#include "job/pause_left.hpp"

#include <algorithm>

namespace handoff {

std::chrono::milliseconds
pause_left(wall_time due, std::optional<wall_time> begun, wall_time now) {
  using std::chrono::milliseconds;
  auto left = due - now;
  if (begun)
    left = std::min<wall_time::duration>(left, due - *begun);
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(left));
}

} // namespace handoff
