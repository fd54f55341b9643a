#pragma once

#include "config/problem.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace handoff {

/// Text in single quotes, which CAF keeps as an atom.
struct ini_atom {
  std::string text;
};

/// A list or a map.
struct ini_compound {
  std::string_view kind;
  /// Of a list that has nothing but texts in it: these, with commas between.
  std::optional<std::string> texts = {};
};

/// A duration below 0, as it was written.
struct ini_negative {
  std::string text;
};

/// A value as it was written in the INI.
using ini_value =
  std::variant<std::int64_t, double, bool, std::chrono::nanoseconds,
               std::string, ini_atom, ini_negative, ini_compound>;

/// One `key = value`. Without a section, `section` is empty.
struct ini_entry {
  std::string section;
  std::string key;
  ini_value value;
};

struct ini_content {
  /// By the names of section and key.
  std::vector<ini_entry> entries;
  /// What is wrong with the file itself: what cannot be parsed (then there are
  /// no entries), keys and sections that stand twice.
  problems errors;
};

/// Reads an INI with CAF's own parser and finds what that lets pass: a value
/// that is not closed at the end, a key or a section that stands twice, a
/// negative duration.
ini_content parse_ini(const std::string& file, std::string_view text);

/// A line `key = value` of an INI, found without understanding the value.
struct ini_line {
  std::size_t line = 0;
  std::string section;
  /// Empty for the line of the section itself.
  std::string key;
  /// What stands after the equals sign, to the end of the line.
  std::string value;
};

/// Every section and key of the text and where it stands, of duplicates each.
std::vector<ini_line> scan_ini(std::string_view text);

} // namespace handoff
