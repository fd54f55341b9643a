#include "actors/prefer.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <strings.h>
#include <utility>

namespace handoff {
namespace {

bool is(std::string_view text, std::string_view word) {
  return text.size() == word.size()
      && ::strncasecmp(text.data(), word.data(), word.size()) == 0;
}

/// Where the first of `ends` stands that is in no quoted string (RFC 9110,
/// section 5.6.4); the end of `text` if none does.
std::size_t find_outside_quotes(std::string_view text, std::string_view ends) {
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      quoted = !quoted;
    else if (!quoted && ends.find(text[at]) != std::string_view::npos)
      return at;
  }
  return text.size();
}

/// What a token or a quoted string stands for.
std::string word_of(std::string_view text) {
  if (!text.starts_with('"'))
    return std::string{text};
  std::string word;
  for (std::size_t at = 1; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\' && at + 1 < text.size())
      ++at;
    word.push_back(text[at]);
  }
  return word;
}

std::optional<std::chrono::seconds> read_seconds(std::string_view text) {
  std::uint32_t seconds = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, seconds);
  if (text.empty() || failure != std::errc{} || stopped != end)
    return std::nullopt;
  return std::chrono::seconds{seconds};
}

/// Reads the preferences one after the other.
class preference_reader {
public:
  void read(std::string_view preference) {
    // Parameters after a ";" change neither of the two that are known here.
    preference = preference.substr(0, find_outside_quotes(preference, ";"));
    const auto equals = find_outside_quotes(preference, "=");
    const auto name = trimmed(preference.substr(0, equals));
    const auto value = equals == preference.size()
                       ? std::string{}
                       : word_of(trimmed(preference.substr(equals + 1)));
    if (is(name, "respond-async") && !std::exchange(async_seen_, true))
      found_.respond_async = value.empty();
    else if (is(name, "wait") && !std::exchange(wait_seen_, true))
      found_.wait = read_seconds(value);
  }

  const preferences& found() const noexcept { return found_; }

private:
  preferences found_;
  bool async_seen_ = false;
  bool wait_seen_ = false;
};

} // namespace

preferences read_preferences(const headers& fields) {
  preference_reader reader;
  for (const auto& each : fields) {
    if (!is(each.name, "Prefer"))
      continue;
    std::string_view rest = each.value;
    while (!rest.empty()) {
      const auto end = find_outside_quotes(rest, ",");
      reader.read(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return reader.found();
}

} // namespace handoff
