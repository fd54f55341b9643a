#pragma once

#include <prometheus/metric_family.h>
#include <vector>

namespace handoff {

/// Adds what /proc tells of this process (proc(5)), under the names that
/// Prometheus' client libraries give it. What cannot be read is left out.
void add_process_metrics(std::vector<prometheus::MetricFamily>& to);

} // namespace handoff
