#pragma once

#include "config/settings.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace handoff {

/// Where the journal is: what follows "sqlite:", seen from the INI's folder.
inline std::string sqlite_path(const settings& from) {
  constexpr std::string_view scheme = "sqlite:";
  const auto path = from.journal.uri.substr(scheme.size());
  return (std::filesystem::path{from.base_directory} / path).string();
}

} // namespace handoff
