#pragma once

#include "journal/known_jobs.hpp"
#include "journal/postgres/handle.hpp"

#include <memory>
#include <string>

namespace handoff::postgres {

/// The queries of a journal, on a connection that it may share with the one
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

private:
  std::shared_ptr<connection> on_;
};

} // namespace handoff::postgres
