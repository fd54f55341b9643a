#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace caf {
class actor_system_config;
}

namespace handoff {

/// One option of CAF's own, checked: `scheduler.max-threads`.
struct caf_option {
  std::string name;
  std::variant<std::int64_t, double, bool, std::chrono::nanoseconds,
               std::string>
    value;
};

/// Sets them. To be called before the actor system is made of `config`.
void apply_caf_options(caf::actor_system_config& config,
                       const std::vector<caf_option>& options);

} // namespace handoff
