#pragma once

#include <string_view>
#include <vector>

namespace handoff::test {

/// What somebody may write, and what they are told.
struct bad_input {
  std::string_view input;
  /// After `FILE: `, or with `:line:column: ` after FILE.
  std::string_view message;
};

/// Each has this one mistake.
const std::vector<bad_input>& bad_inis();

/// Members of a flow that is good without them (`{"name": "a", "clone": …,`).
const std::vector<bad_input>& bad_flows();

} // namespace handoff::test
