#pragma once

#include "job/job.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

/// A clone or step that waits for its turn.
struct waiting_step {
  std::string step; ///< "clone", or its full name
  std::string upstream;
  wall_time since;
};

/// Who waits for an upstream now, for operators: no journal knows, because what
/// waits has begun nothing. Holds what actors have noted, one entry for each
/// ticket. Thread-safe.
class waiting_steps {
public:
  /// Notes it until the note is destroyed.
  class note {
  public:
    note() = default;

    note(std::shared_ptr<waiting_steps> in, std::string job, waiting_step step)
        : in_{std::move(in)}, job_{std::move(job)} {
      const std::scoped_lock lock{in_->mutex_};
      auto& steps = in_->by_job_[job_];
      at_ = steps.insert(steps.end(), std::move(step));
    }

    note(note&& other) noexcept
        : in_{std::move(other.in_)},
          job_{std::move(other.job_)},
          at_{other.at_} {}

    note& operator=(note&& other) noexcept {
      std::swap(in_, other.in_);
      std::swap(job_, other.job_);
      std::swap(at_, other.at_);
      return *this;
    }

    ~note() {
      if (!in_)
        return;
      const std::scoped_lock lock{in_->mutex_};
      const auto known = in_->by_job_.find(job_);
      known->second.erase(at_);
      if (known->second.empty())
        in_->by_job_.erase(known);
    }

  private:
    std::shared_ptr<waiting_steps> in_;
    std::string job_;
    std::list<waiting_step>::iterator at_;
  };

  /// Those of a job, the longest waiting first.
  std::vector<waiting_step> of(const std::string& job) const {
    const std::scoped_lock lock{mutex_};
    const auto known = by_job_.find(job);
    if (known == by_job_.end())
      return {};
    return {known->second.begin(), known->second.end()};
  }

private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::list<waiting_step>> by_job_;
};

} // namespace handoff
