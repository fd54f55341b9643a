#include "job/text.hpp"

// What is asked of the table of settings.

#include "config/duration.hpp"
#include "config/problem.hpp"
#include "config/settings_table.hpp"

#include <algorithm>
#include <cstddef>

namespace handoff {
namespace {

using std::chrono::nanoseconds;

std::string range_text(double least, double most) {
  return " from " + std::to_string(static_cast<std::int64_t>(least)) + " to "
       + std::to_string(static_cast<std::int64_t>(most));
}

} // namespace

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    names.emplace_back(trimmed(text.substr(at, end - at)));
    at = end + 1;
  }
  return names;
}

std::vector<std::string_view> setting_sections() {
  std::vector<std::string_view> made;
  for (const auto& key : setting_keys())
    if (std::find(made.begin(), made.end(), key.section) == made.end())
      made.push_back(key.section);
  return made;
}

std::vector<std::string_view> setting_names(std::string_view section) {
  std::vector<std::string_view> made;
  for (const auto& key : setting_keys())
    if (key.section == section)
      made.push_back(key.key);
  return made;
}

const setting_key* find_setting(std::string_view section,
                                std::string_view key) {
  const auto keys = setting_keys();
  const auto it =
    std::find_if(keys.begin(), keys.end(), [&](const auto& known) {
      return known.section == section && known.key == key;
    });
  return it == keys.end() ? nullptr : &*it;
}

std::string allowed_by(const setting_key& key) {
  switch (key.type) {
  case setting_type::text:
    return "text that is not empty";
  case setting_type::address:
    return "an IP address or \"localhost\"";
  case setting_type::host_names:
    return "names of hosts without a port, such as \"handoff.internal\", "
           "separated by commas or in a list";
  case setting_type::secret:
    return "visible ASCII characters without spaces";
  case setting_type::journal_uri:
    return "\"sqlite:PATH\" or \"postgresql://USER@HOST:PORT/DATABASE\"";
  case setting_type::integer:
    return "a whole number" + range_text(key.least, key.most);
  case setting_type::size:
    return "a number of bytes or a text such as \"64KiB\", from "
         + format_size(static_cast<std::uint64_t>(key.least)) + " to "
         + format_size(static_cast<std::uint64_t>(key.most));
  case setting_type::number:
    return "a number" + range_text(key.least, key.most);
  case setting_type::boolean:
    return "true or false";
  case setting_type::duration:
    return "a duration such as 500ms, 10s, \"9.5s\" or \"7d\", from "
         + format_duration(nanoseconds{static_cast<std::int64_t>(key.least)})
         + " to "
         + format_duration(nanoseconds{static_cast<std::int64_t>(key.most)});
  case setting_type::choice:
    return one_of(key.choices);
  case setting_type::certificates:
    return "the PEM text of certificates, such as ${file:ca.pem}";
  case setting_type::proxy:
    return "\"http://HOST:PORT\"";
  }
  return {};
}

} // namespace handoff
