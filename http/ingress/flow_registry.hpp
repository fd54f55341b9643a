#pragma once

#include "config/flow.hpp"
#include "job/job.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace handoff {

/// Flows that were loaded together.
struct flows_in_force {
  flow_set flows;
  /// The name of each one's file, by that of the flow.
  std::map<std::string, std::string> files = {};
  wall_time loaded = {};
};

/// The flows that are in force, to be replaced all at once. Thread-safe.
class flow_registry {
public:
  explicit flow_registry(flows_in_force flows)
      : flows_{std::make_shared<const flows_in_force>(std::move(flows))} {}

  std::shared_ptr<const flows_in_force> in_force() const {
    return flows_.load();
  }

  std::shared_ptr<const flow_set> current() const {
    auto all = in_force();
    const auto* flows = &all->flows;
    return {std::move(all), flows};
  }

  void replace(flows_in_force flows) {
    flows_.store(std::make_shared<const flows_in_force>(std::move(flows)));
  }

private:
  std::atomic<std::shared_ptr<const flows_in_force>> flows_;
};

} // namespace handoff
