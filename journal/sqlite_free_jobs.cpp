#include "journal/sqlite_free_jobs.hpp"

#include <algorithm>
#include <utility>

namespace handoff::sqlite {

free_jobs::free_jobs(connection& on, reader& reads, std::int64_t first_no)
    : reads_{reads},
      first_no_{first_no},
      row_{on, "SELECT no, status, calling_back FROM jobs WHERE id = ?"} {}

bool free_jobs::is_untouched(std::int64_t no, std::string_view id) const {
  return no < first_no_ && !is_through_ && (cursor_.empty() || id < cursor_)
      && !taken_early_.contains(id);
}

bool free_jobs::is_free(std::int64_t no, std::string_view id) const {
  return released_.contains(id) || held_back_.contains(id)
      || is_untouched(no, id);
}

bool free_jobs::is_taken(std::string_view id) {
  auto row = row_.query(id);
  if (!row.next())
    return false;
  const job_row known{static_cast<job_status>(row.integer(1)), false,
                      std::nullopt, row.integer(2) != 0};
  return is_unfinished(known) && !is_free(row.integer(0), id);
}

std::vector<job> free_jobs::take(const acquisition& wanted) {
  std::vector<job> taken;
  if (!wanted.job.empty()) {
    take_one(wanted.job, taken);
    return taken;
  }
  take_released(wanted.limit, taken);
  while (!is_through_ && taken.size() < wanted.limit)
    take_page(wanted.limit - taken.size(), taken);
  std::sort(taken.begin(), taken.end(), [](const job& left, const job& right) {
    return left.id > right.id;
  });
  return taken;
}

void free_jobs::take_one(const std::string& id, std::vector<job>& taken) {
  auto found = reads_.load(id);
  if (!found || !is_unfinished(found->record) || !is_free(found->no, id))
    return;
  if (released_.erase(id) == 0 && held_back_.erase(id) == 0)
    taken_early_.insert(id);
  taken.push_back(std::move(found->record));
}

void free_jobs::take_released(std::size_t limit, std::vector<job>& taken) {
  while (!released_.empty() && taken.size() < limit) {
    const auto newest = std::prev(released_.end());
    auto found = reads_.load(*newest);
    if (found && is_unfinished(found->record))
      taken.push_back(std::move(found->record));
    released_.erase(newest);
  }
}

void free_jobs::take_page(std::size_t limit, std::vector<job>& taken) {
  auto page = reads_.unfinished_of(first_no_, cursor_, limit);
  is_through_ = page.size() < limit;
  for (auto& each : page) {
    cursor_ = each.id;
    if (taken_early_.erase(each.id) == 0 && !held_back_.contains(each.id)
        && !released_.contains(each.id))
      taken.push_back(std::move(each));
  }
  if (is_through_)
    taken_early_.clear();
}

void free_jobs::release(std::span<const std::string> jobs, bool held_back) {
  for (const auto& each : jobs) {
    if (!is_taken(each))
      continue;
    taken_early_.erase(each);
    (held_back ? held_back_ : released_).insert(each);
  }
}

void free_jobs::committed(const known_jobs& folded) {
  for (const auto* each : folded.touched()) {
    if (!each->stored)
      continue;
    const auto& id = each->record.id;
    const bool is_open = is_unfinished(each->row());
    if (is_open == is_unfinished(*each->stored))
      continue;
    if (!is_open) {
      released_.erase(id);
      held_back_.erase(id);
    } else if (is_untouched(each->no, id)) {
      // Whoever gave it something to do works on it.
      taken_early_.insert(id);
    }
  }
}

} // namespace handoff::sqlite
