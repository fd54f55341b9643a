#pragma once

#include "job/error.hpp"
#include "job/job.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// A sub-action that was given up on because it, or its job, ended its actor
/// too often.
struct quarantined_sub_action {
  std::string job;
  std::string sub_action; ///< empty: it is the clone
  std::string why;
  wall_time at;
};

/// How it stands, and how often something happened since the start.
struct supervision_counts {
  std::uint64_t clone_restarts = 0;
  std::uint64_t job_supervisor_restarts = 0;
  std::uint64_t sub_action_restarts = 0;
  std::uint64_t recovered_jobs = 0; ///< taken up again by the recovery
  std::uint64_t jobs_set_aside = 0; ///< by the recovery, not taken up any more
  bool recovery_done = false;
  /// Why the journal cannot commit; none: it can.
  std::optional<error> journal_failure;
  /// When that began; none: it has not failed yet.
  std::optional<wall_time> journal_since;
  std::uint64_t quarantined = 0; ///< all of them, also those not listed below
  /// Newest first, at most `supervision_log::quarantined_max`.
  std::vector<quarantined_sub_action> newest_quarantined;
};

/// Something that a `supervision_log` was just told.
struct supervision_change {
  /// "restarted", "quarantined", "set-aside", "recovered", "journal-fails" or
  /// "journal-commits".
  std::string_view what;
  /// The kind of actor that was restarted: "clone", "job_supervisor" or
  /// "sub_action".
  std::string_view actor = {};
  /// What was quarantined; `sub_action` is empty for a clone.
  std::string_view job = {};
  std::string_view sub_action = {};
};

/// What an operator should know of what the supervisors had to do. Of this run
/// only: the jobs themselves are in the journal. Thread-safe; bounded.
class supervision_log {
public:
  static constexpr std::size_t quarantined_max = 100;

  /// Hears of each change, on the thread of who tells it; must not block.
  using listener = std::function<void(const supervision_change&)>;

  explicit supervision_log(listener changed = nullptr);

  void clone_restarted();
  void job_supervisor_restarted();
  void sub_action_restarted();
  void quarantined(quarantined_sub_action which);
  /// The same for all of the job that is not final.
  void given_up(const job& record, const error& why, wall_time at);
  void job_recovered();
  void jobs_set_aside(std::size_t count);
  void recovery_done();
  /// The journal began to fail or, without a failure, commits again.
  void journal_changed(std::optional<error> failure, wall_time at);

  supervision_counts counts() const;

private:
  void tell(const supervision_change& change) const;

  const listener changed_;
  mutable std::mutex mutex_;
  supervision_counts counts_; ///< but for the list
  std::deque<quarantined_sub_action> quarantined_;
};

} // namespace handoff
