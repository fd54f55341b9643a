#pragma once

namespace handoff {

/// What every command ends with.
enum exit_code : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2, ///< wrong usage or wrong configuration
};

} // namespace handoff
