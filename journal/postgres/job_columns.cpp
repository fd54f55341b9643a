#include "journal/postgres/job_columns.hpp"

#include "job/json_text.hpp"

namespace handoff::postgres {

void job_columns::add(const known_job& each, std::int64_t by) {
  const auto row = each.row();
  id.bytes(uuid_of(each.record.id).value());
  const auto code = static_cast<std::int16_t>(row.status);
  status.small(code);
  if (code >= 4)
    problem.small(code);
  else
    problem.null();
  const auto& known = each.record.clone.uid;
  if (known.is_null())
    uid.null();
  else if (known.is_string())
    uid.bytes(known.get_ref<const std::string&>());
  else
    uid.bytes(json_text(known));
  is_number.boolean(!known.is_null() && !known.is_string());
  if (row.finished)
    finished.big(*row.finished);
  else
    finished.null();
  calling_back.boolean(row.calling_back);
  if (is_unfinished(row))
    owner.big(by);
  else
    owner.null();
}

void job_columns::add_to(parameters& to) const {
  for (const auto* each :
       {&status, &problem, &uid, &is_number, &finished, &calling_back, &owner})
    each->add_to(to);
}

} // namespace handoff::postgres
