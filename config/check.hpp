#pragma once

#include "config/connection.hpp"
#include "config/flow.hpp"
#include "config/problem.hpp"
#include "config/settings_loader.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// Everything that a start needs, or all the reasons why there is none.
struct checked_configuration {
  handoff::settings settings;
  std::vector<caf_option> caf;
  flow_set flows;
  problems errors;
  problems warnings;
  /// The name of each flow's file, by that of the flow.
  std::map<std::string, std::string> flow_files = {};
  connection_set connections = {};
};

/// Reads the INI, the options and the flows that they point to, as a start
/// does, and reports everything that is wrong with any of them. Flows are
/// checked against what could be read of the settings.
checked_configuration check(const std::optional<std::filesystem::path>& ini,
                            const std::vector<std::string>& overrides);

} // namespace handoff
