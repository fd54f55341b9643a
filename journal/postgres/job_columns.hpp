#pragma once

#include "journal/known_jobs.hpp"
#include "journal/postgres/handle.hpp"

#include <cstdint>

namespace handoff::postgres {

/// What is kept in the columns of a job's row.
struct job_columns {
  column id{uuid_type};
  column status{int2_type};
  column problem{int2_type};
  column uid{bytea_type};
  column is_number{bool_type};
  column finished{int8_type};
  column calling_back{bool_type};
  column owner{int8_type};

  /// `by` is the node that works on it, where anything is left to do; 0:
  /// nobody.
  void add(const known_job& each, std::int64_t by);

  /// All but the id, in this order.
  void add_to(parameters& to) const;
};

} // namespace handoff::postgres
