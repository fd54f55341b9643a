#pragma once

#include "journal/memory_journal.hpp"
#include "tools/handoff/rehearsal/life.hpp"

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace handoff::rehearsal {

/// A journal in memory on a disk that fails now and then: commits that do not
/// hold, that may hold or not, and that hold although they failed.
class rehearsed_journal final : public memory_journal {
public:
  rehearsed_journal(const surroundings& around, std::uint64_t seed,
                    std::shared_ptr<bool> alive);

  std::vector<batch_outcome>
  commit_all(std::span<const std::span<const job_event>> batches) override;
  std::optional<error> check() override;
  result<std::size_t> prune(wall_time before, wall_time now,
                            std::size_t limit) override;

  /// Its process is gone: the last commit may be there although it failed.
  void cut_off();

private:
  using batch = std::vector<job_event>;

  batch_outcome commit_one(std::span<const job_event> events);
  batch_outcome commit_well(std::span<const job_event> events);
  bool is_sick();
  batch as_sabotaged(std::span<const job_event> events);

  const surroundings& around_;
  draws random_;
  std::shared_ptr<bool> alive_;
  std::vector<batch> failed_; ///< by the last commit
  std::vector<batch> late_;   ///< by sabotage
};

} // namespace handoff::rehearsal
