#pragma once

#include "config/check.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// What is allowed at a start and yet probably not meant, each with what to do.
/// `ini` is the file that was read, if any; `working` the folder that the
/// service was started in.
std::vector<std::string>
start_advice(const checked_configuration& configuration,
             const std::optional<std::filesystem::path>& ini,
             const std::filesystem::path& working);

} // namespace handoff
