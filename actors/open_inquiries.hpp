#pragma once

#include "job/event.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace handoff {

/// What jobs have asked that is not journaled yet, for operators: it goes with
/// the next event of its clone or step. Holds one for each clone and step that
/// waits. Thread-safe.
class open_inquiries {
public:
  using list = std::shared_ptr<const std::vector<step_inquiry>>;

  /// From now on, these are those of `job`, which shares them; null: it has
  /// none any more.
  void set(const std::string& job, list all) {
    const std::scoped_lock lock{mutex_};
    if (all == nullptr)
      by_job_.erase(job);
    else
      by_job_.insert_or_assign(job, std::move(all));
  }

  std::vector<step_inquiry> of(const std::string& job) const {
    const std::scoped_lock lock{mutex_};
    const auto known = by_job_.find(job);
    return known != by_job_.end() ? *known->second
                                  : std::vector<step_inquiry>{};
  }

private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, list> by_job_;
};

} // namespace handoff
