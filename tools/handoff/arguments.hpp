#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// An option that a command knows: `--NAME` or `--NAME=VALUE`.
struct option_rule {
  std::string_view name;
  /// What its value is called; empty if it takes none.
  std::string_view value;
  std::string_view purpose;
  /// All values that there are, with spaces between them; empty if any will do.
  std::string_view choices = {};

  constexpr bool takes_value() const noexcept { return !value.empty(); }
};

/// The words behind `handoff COMMAND`, sorted.
struct arguments {
  std::vector<std::string> positional;
  /// In the order given; a repeated option stands in it as often.
  std::vector<std::pair<std::string, std::string>> options;
  /// `--section.key=value`, as given.
  std::vector<std::string> overrides;
  /// What is wrong with them; nothing else is of use then.
  std::optional<std::string> error;

  /// The last value of an option; none if it was not given.
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  bool has(std::string_view name) const;
};

/// Reads the words by the rules of one command. `--name=value` and
/// `--name value` are the same; `--` ends the options; overrides are only taken
/// by commands that read the INI.
arguments read_arguments(const std::vector<std::string>& words,
                         const std::vector<option_rule>& rules,
                         bool takes_overrides);

} // namespace handoff
