#include "config/ini_file.hpp"
#include "job/text.hpp"

#include <utility>

namespace handoff {

namespace {

/// How many brackets and braces `line` leaves open, those in quotes and
/// comments aside.
int opened(std::string_view line) {
  int depth = 0;
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == '\\')
        ++i;
      else if (c == quote)
        quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ';') {
      break;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return depth;
}

} // namespace

std::vector<ini_line> scan_ini(std::string_view text) {
  std::vector<ini_line> found;
  std::string section;
  int depth = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (depth == 0 && line.starts_with('[')) {
      section = trimmed(line.substr(1, line.find(']') - 1));
      found.push_back({number, section, {}, {}});
      continue;
    }
    const auto equals = line.find('=');
    if (depth == 0 && !line.starts_with(';')
        && equals != std::string_view::npos)
      found.push_back({number, section,
                       std::string{trimmed(line.substr(0, equals))},
                       std::string{trimmed(line.substr(equals + 1))}});
    depth += opened(line);
  }
  return found;
}

} // namespace handoff
