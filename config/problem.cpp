#include "config/problem.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace handoff {

std::string to_string(const problem& found) {
  std::string text = found.file;
  if (!found.where.empty())
    text += ": " + found.where;
  return text + ": " + found.what;
}

std::string one_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0)
      text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 60;
  const std::string shown = text.size() <= most
                            ? std::string{text}
                            : std::string{text.substr(0, most - 3)} + "...";
  return nlohmann::json(shown).dump(-1, ' ', false,
                                    nlohmann::json::error_handler_t::replace);
}

} // namespace handoff
