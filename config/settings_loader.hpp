#pragma once

#include "config/caf_options.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

struct loaded_settings {
  /// Of use only if there are no errors.
  settings values;
  /// For apply_caf_options().
  std::vector<caf_option> caf;
  problems errors;
  problems warnings;
};

/// Reads the INI, if there is one, and then `overrides`, each a
/// `--section.key=value`, of which the last one counts. Everything that is
/// wrong with either is reported at once.
loaded_settings load_settings(const std::optional<std::filesystem::path>& ini,
                              const std::vector<std::string>& overrides);

/// The same for the text of an INI that is called `file` in messages and lies
/// in `base_directory`.
loaded_settings read_settings(const std::string& file, std::string_view text,
                              const std::string& base_directory,
                              const std::vector<std::string>& overrides);

} // namespace handoff
