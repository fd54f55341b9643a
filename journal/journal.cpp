#include "journal/journal.hpp"

#include <map>
#include <utility>

namespace handoff {

result<bool> holds(journal_reader& from, std::span<const job_event> events) {
  std::map<std::string, std::optional<job>, std::less<>> records;
  for (const auto& event : events) {
    auto known = records.find(event.job);
    if (known == records.end()) {
      auto found = from.find(event.job);
      if (auto* failed = std::get_if<error>(&found))
        return std::move(*failed);
      known =
        records
          .emplace(event.job, std::get<std::optional<job>>(std::move(found)))
          .first;
    }
    // Of a job that is not known, only its acceptance would change anything.
    if (!known->second && std::holds_alternative<job_accepted>(event.change))
      return false;
    if (known->second && apply(*known->second, event))
      return false;
  }
  return true;
}

} // namespace handoff
