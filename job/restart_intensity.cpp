#include "job/restart_intensity.hpp"

#include <algorithm>

namespace handoff {

bool restart_intensity::record(time_point now) {
  std::erase_if(deaths_,
                [&](time_point died) { return died + limits_.within < now; });
  deaths_.push_back(now);
  return deaths_.size() <= limits_.max_restarts;
}

std::chrono::milliseconds restart_intensity::delay() const {
  using std::chrono::milliseconds;
  const auto shift =
    std::min<std::size_t>(deaths_.empty() ? 0 : deaths_.size() - 1, 16);
  const milliseconds doubled{50LL << shift};
  const auto share =
    limits_.within
    / static_cast<long>(2 * std::max<std::size_t>(limits_.max_restarts, 1));
  return std::min(doubled, share);
}

} // namespace handoff
