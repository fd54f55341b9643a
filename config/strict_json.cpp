#include "config/strict_json.hpp"

#include "job/json_reader.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

namespace {

using nlohmann::json;

std::string line_and_column(std::string_view text, std::size_t byte) {
  // The parser counts the byte that it stumbled over as read.
  const auto before =
    text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto last = before.rfind('\n');
  const auto column =
    last == std::string_view::npos ? before.size() + 1 : before.size() - last;
  return ":" + std::to_string(line) + ":" + std::to_string(column);
}

/// The parser's own words without its place.
std::string in_words(std::string why) {
  if (const auto column = why.find("column "); column != std::string::npos)
    if (const auto colon = why.find(": ", column); colon != std::string::npos)
      why.erase(0, colon + 2);
  if (why.starts_with("syntax error while parsing "))
    why.replace(0, 27, "is not JSON: in ");
  return why;
}

} // namespace

std::variant<json, problem> parse_strict_json(const std::string& file,
                                              std::string_view text,
                                              std::size_t depth_max) {
  json_limits limits;
  limits.bytes_max = text.size();
  limits.depth_max = depth_max;
  limits.values_max = text.size();
  limits.names_repeat = false;
  limits.comments = true;
  auto read = read_json(text, limits);
  if (auto* document = std::get_if<json>(&read))
    return std::move(*document);
  const auto& found = std::get<json_problem>(read);
  if (found.fault != json_fault::syntax)
    return problem{file, found.at, found.what};
  return problem{file + line_and_column(text, found.byte), "",
                 in_words(found.what)};
}

} // namespace handoff
