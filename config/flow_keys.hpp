#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace handoff {

/// One kind of JSON object that a flow is made of. `flow.schema.json` has each
/// under the same name in `$defs`, the flow itself at its top.
struct flow_object {
  std::string_view kind;
  std::vector<std::string_view> keys;
  std::vector<std::string_view> required;
};

/// Every kind there is.
std::span<const flow_object> flow_objects();

/// The one called `kind`, which exists.
const flow_object& flow_object_of(std::string_view kind);

} // namespace handoff
