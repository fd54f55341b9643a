#include "job/exchange.hpp"

#include <strings.h>

namespace handoff {

const std::string* find_header(const headers& fields,
                               std::string_view name) noexcept {
  for (const auto& each : fields)
    if (each.name.size() == name.size()
        && ::strncasecmp(each.name.data(), name.data(), name.size()) == 0)
      return &each.value;
  return nullptr;
}

} // namespace handoff
