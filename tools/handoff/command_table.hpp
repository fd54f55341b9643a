#pragma once

#include "tools/handoff/arguments.hpp"

#include <string_view>
#include <vector>

namespace handoff {

/// What a command is called with. Parsing, the list of commands and the
/// completions are made from it; tests hold the help, the man page and
/// docs/command-line.md against it.
struct command_rule {
  std::string_view name;
  /// What stands behind the name, such as "JOB"; empty if nothing does.
  std::string_view words;
  std::string_view purpose;
  std::vector<option_rule> options;
  /// Whether it takes `--SECTION.KEY=VALUE`.
  bool takes_overrides = false;
};

/// All commands, in the order in which they are listed.
const std::vector<command_rule>& command_table();

/// Reads the words behind the name of a command that is in the table.
arguments read_arguments(std::string_view command,
                         const std::vector<std::string>& words);

} // namespace handoff
