#pragma once

#include "job/event.hpp"
#include "journal/job_codec.hpp"
#include "journal/journal_copy.hpp"
#include "journal/known_jobs.hpp"

#include <stdexcept>

namespace handoff {

/// The job that its events make. Throws `std::runtime_error` where they are
/// damaged.
inline job folded(const copied_job& from) {
  job record;
  try {
    for (const auto& row : from.events)
      for (const auto& event : decode(row, from.id, from.flow))
        apply(record, event);
  } catch (const std::exception&) {
    throw std::runtime_error{"the events of job " + from.id
                             + " are damaged; restore the journal from a "
                               "backup"};
  }
  return record;
}

/// The row of a table of jobs that goes with it.
inline known_job row_of(const copied_job& from) {
  known_job made;
  made.record = folded(from);
  made.record.id = from.id;
  return made;
}

} // namespace handoff
