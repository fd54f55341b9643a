#include "journal/journal_copy.hpp"

#include "job/job.hpp"
#include "journal/copied_row.hpp"

#include <exception>

namespace handoff {
namespace {

/// What is held in memory at once.
constexpr std::size_t page = 200;

} // namespace

result<copy_facts> copy_journal(whole_journal& from, whole_journal& to) {
  copy_facts facts;
  try {
    if (!to.is_empty())
      return error{error_kind::conflict,
                   "the journal to copy to is not empty: nothing was changed"};
    to.add(from.definitions());
    std::string after;
    for (;;) {
      const auto jobs = from.jobs_after(after, page);
      if (jobs.empty())
        break;
      to.add(jobs);
      facts.jobs += jobs.size();
      for (const auto& each : jobs)
        facts.unfinished += is_unfinished(folded(each)) ? 1 : 0;
      after = jobs.back().id;
    }
    const auto keys = from.keys();
    to.add(keys);
    facts.keys = keys.size();
    to.commit();
  } catch (const std::exception& why) {
    return error{error_kind::journal_unavailable, why.what()};
  }
  return facts;
}

} // namespace handoff
