#include "job/exchange.hpp"

#include <strings.h>

namespace handoff {

std::string lower_case(std::string_view name) {
  std::string made{name};
  for (auto& each : made)
    if (each >= 'A' && each <= 'Z')
      each = static_cast<char>(each - 'A' + 'a');
  return made;
}

const std::string* find_header(const headers& fields,
                               std::string_view name) noexcept {
  for (const auto& each : fields)
    if (each.name.size() == name.size()
        && ::strncasecmp(each.name.data(), name.data(), name.size()) == 0)
      return &each.value;
  return nullptr;
}

} // namespace handoff
