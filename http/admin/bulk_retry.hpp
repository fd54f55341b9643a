#pragma once

#include "http/admin/operator_routes.hpp"
#include "journal/journal.hpp"

#include <cstddef>

namespace handoff {

/// Jobs that one call retries at the most.
inline constexpr std::size_t bulk_retry_max = 10'000;

struct bulk_retry_options {
  /// Which jobs; its limit and cursor do not matter. The oldest beyond
  /// `bulk_retry_max` are left out.
  job_query query;
  bool current_definition = false;
  /// Only count them.
  bool dry_run = false;
};

/// Retries many jobs, a hundred at a time, so that neither the journal nor
/// other operators wait for them. Answers `{"matched":N,"retried":N}` when all
/// have been decided on: those that cannot be retried are matched, not retried.
void bulk_retry(const operator_options& options, bulk_retry_options wanted,
                const responder_ptr& responder);

} // namespace handoff
