#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace handoff {

/// What the journal keeper measures now and then, for who watches the service.
struct journal_measures {
  /// Ambiguous jobs are counted up to so many: more need a person as well.
  static constexpr std::size_t ambiguous_max = 1'000;

  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::size_t> ambiguous{0};
};

} // namespace handoff
