#pragma once

#include "journal/known_jobs.hpp"
#include "journal/postgres/handle.hpp"

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace handoff::postgres {

/// The queries of a journal, on a connection that it may share with the one
/// that commits, or on its own.
class reader final : public journal_reader {
public:
  /// Gives a connection that is prepared for reading, or throws `failure`.
  using connector = std::function<std::shared_ptr<connection>()>;

  explicit reader(std::shared_ptr<connection> on);

  /// Makes a connection when there is something to read, and another where that
  /// one is lost.
  explicit reader(connector connect) : connect_{std::move(connect)} {}

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
  result<std::vector<std::string>>
  past_clone(std::span<const std::string> jobs) override;
  result<std::vector<node_summary>> nodes() override;

  /// The job with this id; its `no` is the node that works on it, alive or not,
  /// and 0 where there is none. Throws `failure`.
  std::optional<stored_job> load(std::string_view id);

  /// Whether a job with this id is stored; throws `failure`.
  bool has(std::string_view id);

private:
  template <class Action>
  auto read(Action&& action) -> result<std::invoke_result_t<Action>>;

  connector connect_; ///< null: the connection is somebody else's
  std::shared_ptr<connection> on_;
};

} // namespace handoff::postgres
