#pragma once

#include "journal/known_jobs.hpp"
#include "journal/sqlite_reader.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::sqlite {

/// Which unfinished jobs nobody works on. One process has the file, so that
/// this need not be stored: jobs of earlier openings are free until they are
/// taken, those of this one are taken until they are released. What is of an
/// earlier opening is told by the number of the job's row, never by a clock.
/// Methods that read throw `failure`.
class free_jobs {
public:
  /// Jobs with a number below `first_no` were there before.
  free_jobs(connection& on, reader& reads, std::int64_t first_no);

  /// See `journal::acquire`.
  std::vector<job> take(const acquisition& wanted);

  /// See `journal::release`.
  void release(std::span<const std::string> jobs, bool held_back);

  /// Whether the job is unfinished and taken.
  bool is_taken(std::string_view id);

  /// A commit is about to be told to `known_jobs` as done.
  void committed(const known_jobs& folded);

private:
  using id_set = std::set<std::string, std::less<>>;

  /// Whether the job of an earlier opening was not taken yet.
  bool is_untouched(std::int64_t no, std::string_view id) const;
  bool is_free(std::int64_t no, std::string_view id) const;
  void take_one(const std::string& id, std::vector<job>& taken);
  void take_released(std::size_t limit, std::vector<job>& taken);
  void take_page(std::size_t limit, std::vector<job>& taken);

  reader& reads_;
  std::int64_t first_no_;
  statement row_;
  /// All jobs of earlier openings with this id or a later one have been taken.
  std::string cursor_;
  bool is_through_ = false;
  /// Those below the cursor that were taken all the same.
  id_set taken_early_;
  id_set released_;
  id_set held_back_;
};

} // namespace handoff::sqlite
