#pragma once

#include <string_view>

namespace handoff {

/// What the searches of std::string_view return where they find nothing.
inline constexpr auto npos = std::string_view::npos;

/// Space, tab, CR and LF: what surrounds a text without being part of it.
inline constexpr std::string_view blanks = " \t\r\n";

/// Without the blanks at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace handoff
