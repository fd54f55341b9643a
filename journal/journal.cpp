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

result<std::vector<std::string>>
journal_reader::past_clone(std::span<const std::string> jobs) {
  std::vector<std::string> past;
  for (const auto& each : jobs) {
    auto found = find(each);
    if (auto* failed = std::get_if<error>(&found))
      return std::move(*failed);
    const auto& record = std::get<std::optional<job>>(found);
    if (!record || record->status != job_status::cloning)
      past.push_back(each);
  }
  return past;
}

std::string_view name(node_state state) noexcept {
  switch (state) {
  case node_state::working:
    return "working";
  case node_state::leaving:
    return "leaving";
  case node_state::dead:
    break;
  }
  return "dead";
}

} // namespace handoff
