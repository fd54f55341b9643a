#pragma once

#include "config/check.hpp"
#include "config/settings.hpp"
#include "journal/postgres/postgres_journal.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Where the journal is: what follows "sqlite:", seen from the INI's folder.
inline std::string sqlite_path(const settings& from) {
  constexpr std::string_view scheme = "sqlite:";
  const auto path = from.journal.uri.substr(scheme.size());
  return (std::filesystem::path{from.base_directory} / path).string();
}

/// How a journal that nodes share is reached.
inline postgres_journal_options postgres_options(const settings& from) {
  postgres_journal_options options;
  options.uri = from.journal.uri;
  options.node = from.journal.node;
  options.release = HANDOFF_VERSION;
  options.lease = from.journal.lease;
  return options;
}

/// Adds what is wrong with the journal's URI to the errors: what only its
/// library can tell. `ini` is where the settings are from.
inline void check_journal(checked_configuration& checked,
                          const std::optional<std::filesystem::path>& ini) {
  const auto& journal = checked.settings.journal;
  if (journal.is_shared() && validate(postgres_options(checked.settings)))
    // Not the value: it may have a password in it.
    checked.errors.push_back(
      {ini ? ini->string() : std::string{}, "journal.uri",
       "cannot be read as a URI of PostgreSQL; allowed: "
       "\"postgresql://USER@HOST:PORT/DATABASE\", with parameters of libpq "
       "after a ?"});
}

} // namespace handoff
