#include "actors/supervision_log.hpp"

#include <utility>

namespace handoff {

supervision_log::supervision_log(listener changed)
    : changed_{std::move(changed)} {}

// Never with the lock held: who listens may ask for the counts.
void supervision_log::tell(const supervision_change& change) const {
  if (changed_)
    changed_(change);
}

void supervision_log::clone_restarted() {
  {
    const std::scoped_lock lock{mutex_};
    ++counts_.clone_restarts;
  }
  tell({"restarted", "clone"});
}

void supervision_log::job_supervisor_restarted() {
  {
    const std::scoped_lock lock{mutex_};
    ++counts_.job_supervisor_restarts;
  }
  tell({"restarted", "job_supervisor"});
}

void supervision_log::sub_action_restarted() {
  {
    const std::scoped_lock lock{mutex_};
    ++counts_.sub_action_restarts;
  }
  tell({"restarted", "sub_action"});
}

void supervision_log::quarantined(quarantined_sub_action which) {
  const auto job = which.job;
  const auto sub_action = which.sub_action;
  {
    const std::scoped_lock lock{mutex_};
    ++counts_.quarantined;
    quarantined_.push_front(std::move(which));
    if (quarantined_.size() > quarantined_max)
      quarantined_.pop_back();
  }
  tell({"quarantined", "", job, sub_action});
}

void supervision_log::given_up(const job& record, const error& why,
                               wall_time at) {
  if (record.status == job_status::cloning)
    quarantined({record.id, "", why.detail, at});
  for (const auto kind :
       {step_kind::sub_action, step_kind::compensation, step_kind::callback})
    for (const auto& each : steps_of(record, kind))
      if (!is_final(each.status))
        quarantined({record.id, each.name, why.detail, at});
}

void supervision_log::job_recovered() {
  const std::scoped_lock lock{mutex_};
  ++counts_.recovered_jobs;
}

void supervision_log::jobs_set_aside(std::size_t count) {
  {
    const std::scoped_lock lock{mutex_};
    counts_.jobs_set_aside += count;
  }
  tell({"set-aside"});
}

void supervision_log::recovery_done() {
  {
    const std::scoped_lock lock{mutex_};
    counts_.recovery_done = true;
  }
  tell({"recovered"});
}

void supervision_log::journal_changed(std::optional<error> failure,
                                      wall_time at) {
  const bool fails = failure.has_value();
  {
    const std::scoped_lock lock{mutex_};
    counts_.journal_failure = std::move(failure);
    counts_.journal_since = at;
  }
  tell({fails ? "journal-fails" : "journal-commits"});
}

supervision_counts supervision_log::counts() const {
  const std::scoped_lock lock{mutex_};
  auto made = counts_;
  made.newest_quarantined.assign(quarantined_.begin(), quarantined_.end());
  return made;
}

} // namespace handoff
