#include "job/latency.hpp"

#include <algorithm>

namespace handoff {

void latency_estimate::observe(microseconds latency) {
  latency = std::max(latency, microseconds{0});
  if (!known_) {
    known_ = true;
    mean_ = latency;
    deviation_ = latency / 2;
    return;
  }
  // In this order (RFC 6298, section 2.3): the deviation is from the mean
  // before.
  const auto off = latency > mean_ ? latency - mean_ : mean_ - latency;
  deviation_ += (off - deviation_) / 4;
  mean_ += (latency - mean_) / 8;
}

void latency_estimate::observe_at_least(microseconds latency) {
  if (!known_ || latency > mean_)
    observe(latency);
}

std::optional<latency_estimate::microseconds> latency_estimate::mean() const {
  return known_ ? std::optional{mean_} : std::nullopt;
}

latency_estimate::microseconds latency_estimate::at_least() const {
  return std::max(mean_ - deviation_, microseconds{0});
}

} // namespace handoff
