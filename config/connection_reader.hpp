#pragma once

#include "config/connection.hpp"
#include "config/flow_keys.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <span>
#include <string>

namespace handoff {

/// What connections take from the settings.
struct connection_defaults {
  upstream_settings limits;
  /// What relative paths are relative to.
  std::string base_directory = {};
  /// Whether nodes share the journal, and can keep something secret in it.
  bool is_journal_shared = false;
  bool has_journal_secret = false;
};

/// All the connections of a file, or why there are none: with an error in one,
/// `connections` is empty.
struct loaded_connections {
  connection_set connections;
  problems errors = {};
  problems warnings = {};
};

/// The kinds of objects that the file is made of, as `connections.schema.json`
/// has them.
std::span<const flow_object> connection_objects();

/// Reads connections: an object of them by name. `file` is what problems name.
loaded_connections read_connections(const nlohmann::json& document,
                                    const connection_defaults& defaults,
                                    const std::string& file);

/// The one called `name` again, with its secrets as they are now. Null if that
/// cannot be.
connection_ptr read_again(const connection& known,
                          const connection_defaults& defaults);

/// Reads a file of at most 1 MiB of JSON, comments allowed. One that does not
/// exist has no connections, and is an error if `must_exist`.
loaded_connections load_connections(const std::filesystem::path& file,
                                    const connection_defaults& defaults,
                                    bool must_exist);

/// The same as the settings say it.
loaded_connections load_connections(const settings& from);

connection_defaults connection_defaults_of(const settings& from);

} // namespace handoff
