#pragma once

#include "journal/journal.hpp"
#include "journal/known_jobs.hpp"
#include "journal/sqlite_handle.hpp"

#include <map>
#include <memory>
#include <string>

namespace handoff::sqlite {

/// What a row of `events` is found under.
struct event_key {
  /// A job may have 2^20 rows: a thousand times what its attempts can make.
  static constexpr std::int64_t rows_max = std::int64_t{1} << 20;

  static std::int64_t first_of(std::int64_t job) { return job * rows_max; }

  static std::int64_t last_of(std::int64_t job) {
    return first_of(job) + rows_max - 1;
  }
};

/// The queries of a journal, on a connection that may be shared with the one
/// that commits.
class reader final : public journal_reader {
public:
  explicit reader(std::shared_ptr<connection> on);

  result<std::optional<job>> find(std::string_view id) override;
  result<job_page> list(const job_query& query) override;
  result<std::vector<job>> unfinished(std::string_view before,
                                      std::size_t limit) override;
  result<std::uint64_t> count_unfinished() override;
  result<std::optional<key_holder>>
  find_key(std::string_view flow, std::string_view key, wall_time now) override;
  result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) override;
  result<std::uint64_t> bytes() override;

  /// The job with this id; throws `failure`.
  std::optional<stored_job> load(std::string_view id);

  /// As `unfinished`, of jobs with a number below `first_no`; throws `failure`.
  std::vector<job> unfinished_of(std::int64_t first_no, std::string_view before,
                                 std::size_t limit);

private:
  stored_job fold(std::int64_t no, std::string id, std::string flow);
  statement& list_statement(const std::string& where);

  std::shared_ptr<connection> on_;
  statement by_id_;
  statement events_of_;
  statement unfinished_;
  statement count_;
  statement by_key_;
  statement definition_;
  statement used_pages_;
  std::map<std::string, statement> lists_; // by their conditions
};

/// A UID as a column holds it; `storage` is for one that has to be written out,
/// and lives as long as the value.
value uid_value(const nlohmann::json& uid, std::string& storage);

} // namespace handoff::sqlite
