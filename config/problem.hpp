#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// One thing that is wrong in what an operator wrote. Never holds the value of
/// a resolved reference.
struct problem {
  /// The file as it was named, or the option (`--http.port`); with
  /// `:line:column` where the file could not even be parsed.
  std::string file;
  /// The key (`http.port`) or the JSON pointer (`/clone/uid`); empty where it
  /// is about the whole file.
  std::string where;
  /// What is wrong, and what is allowed.
  std::string what;

  friend bool operator==(const problem&, const problem&) = default;
};

using problems = std::vector<problem>;

/// `FILE: key-or-pointer: what is wrong, what is allowed`.
std::string to_string(const problem& found);

/// "a, b or c".
std::string one_of(const std::vector<std::string_view>& names);

/// `text` in double quotes, as JSON writes it, cut where it is long.
std::string in_quotes(std::string_view text);

} // namespace handoff
