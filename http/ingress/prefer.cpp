#include "http/ingress/prefer.hpp"

#include <charconv>
#include <string_view>
#include <strings.h>

namespace handoff {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\"");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\"") - first + 1);
}

bool is(std::string_view text, std::string_view word) {
  return text.size() == word.size()
      && ::strncasecmp(text.data(), word.data(), word.size()) == 0;
}

void read_one(std::string_view preference, preferences& into) {
  // Parameters after a ";" change neither of the two that are known here.
  preference = preference.substr(0, preference.find(';'));
  const auto equals = preference.find('=');
  const auto name = trimmed(preference.substr(0, equals));
  if (is(name, "respond-async")) {
    into.respond_async = true;
    return;
  }
  if (!is(name, "wait") || into.wait || equals == std::string_view::npos)
    return;
  const auto value = trimmed(preference.substr(equals + 1));
  std::uint32_t seconds = 0;
  const auto [end, failure] =
    std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (failure == std::errc{} && end == value.data() + value.size()
      && !value.empty())
    into.wait = std::chrono::seconds{seconds};
}

} // namespace

preferences read_preferences(const headers& fields) {
  preferences found;
  for (const auto& each : fields) {
    if (!is(each.name, "Prefer"))
      continue;
    std::string_view rest = each.value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      read_one(rest.substr(0, comma), found);
      rest = comma == std::string_view::npos ? std::string_view{}
                                             : rest.substr(comma + 1);
    }
  }
  return found;
}

} // namespace handoff
