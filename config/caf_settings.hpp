#pragma once

#include "config/settings_table.hpp"

#include <vector>

namespace handoff {

/// CAF's options that do something in this service. Their defaults are CAF's,
/// but for the first two: an idle service shall cost nothing.
std::vector<setting_key> caf_keys();

} // namespace handoff
