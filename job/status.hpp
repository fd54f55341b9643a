#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace handoff {

/// States of a job. Values are written to the journal and append-only.
///
///     cloning ---> running ---> succeeded
///        |  \         |  \----> failed
///        |   \        +-------> cancelled
///        |    +--> failed, cancelled
///        +-------> ambiguous ---> cloning, running, cancelled
///
/// `failed` and `cancelled` go back to `running` (or, without a UID, to
/// `cloning`) when somebody asks for a retry.
enum class job_status : std::uint8_t {
  cloning = 1,
  running = 2,
  succeeded = 3,
  failed = 4,
  cancelled = 5,
  ambiguous = 6,
};

/// States of a sub-action. Values are written to the journal and append-only.
enum class sub_action_status : std::uint8_t {
  waiting = 1,
  running = 2,
  retrying = 3,
  succeeded = 4,
  failed = 5,
  skipped = 6,
  cancelled = 7,
};

std::string_view name(job_status status) noexcept;
std::string_view name(sub_action_status status) noexcept;

std::optional<job_status> job_status_from(std::string_view text) noexcept;
std::optional<sub_action_status>
sub_action_status_from(std::string_view text) noexcept;

/// Whether nothing more happens to the job by itself. An `ambiguous` job waits
/// for a person and is not finished.
bool is_final(job_status status) noexcept;

/// Whether nothing more happens to the sub-action by itself.
bool is_final(sub_action_status status) noexcept;

} // namespace handoff
