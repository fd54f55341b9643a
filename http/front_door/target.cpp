#include "http/front_door/target.hpp"

#include "job/percent.hpp"

#include <algorithm>
#include <strings.h>

namespace handoff {

std::optional<absolute_target> read_absolute_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size()
        || ::strncasecmp(target.data(), scheme.data(), scheme.size()) != 0)
      continue;
    target.remove_prefix(scheme.size());
    const auto end = std::min(target.find_first_of("/?"), target.size());
    absolute_target made{std::string{target.substr(0, end)},
                         std::string{target.substr(end)}};
    if (!made.path.starts_with('/'))
      made.path.insert(0, 1, '/');
    return made;
  }
  return std::nullopt;
}

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto slash = path.find('/');
    auto segment = percent_decoded(path.substr(0, slash));
    if (!segment)
      return std::nullopt;
    segments.push_back(std::move(*segment));
    path =
      slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  }
  return segments;
}

std::vector<std::pair<std::string, std::string>>
query_pairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto text_of = [](std::string_view text) {
    return percent_decoded(text, true).value_or(std::string{text});
  };
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty())
      pairs.emplace_back(text_of(pair.substr(0, equals)),
                         equals == std::string_view::npos
                           ? std::string{}
                           : text_of(pair.substr(equals + 1)));
    query = end == std::string_view::npos ? std::string_view{}
                                          : query.substr(end + 1);
  }
  return pairs;
}

} // namespace handoff
