#pragma once

#include "journal/journal.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace handoff {

/// How a journal in PostgreSQL is reached. A plain value.
struct postgres_journal_options {
  /// As libpq takes it; never shown, as it may have a password in it.
  std::string uri;
  /// Where the tables are; letters, digits and "_".
  std::string schema = "handoff";
  /// What operators call this node; empty: by the host's name.
  std::string node = {};
  /// The release that it runs.
  std::string release = {};
  /// For how long its jobs stay its own without a renewal; at least a second.
  std::chrono::milliseconds lease{20'000};
  /// For how long the server may be silent within a commit or a query before
  /// the connection counts as lost.
  std::chrono::milliseconds patience{10'000};
  /// As in `sqlite_journal_options`.
  std::size_t remembered_jobs_max = 16'384;
  std::size_t row_bytes_max = std::size_t{64} << 20;
};

/// Says what is wrong with `options`; nothing if they can be used.
std::optional<error> validate(const postgres_journal_options& options);

/// Keeps jobs in a schema of a PostgreSQL database (13 or newer, a primary),
/// which any number of openings share. When `commit_all` says `done`, the
/// server has flushed it to its disk.
///
/// Each opening is a node with a lease, see `journal_group`. One that does not
/// renew it is declared dead by another and writes nothing from then on,
/// whatever it is in the middle of: the last statement of each commit locks the
/// node's row and fails if it is dead. A node of the same name on the same
/// start of the same machine whose process has ended is declared dead at once.
///
/// A connection that is lost while a commit is under way leaves it `unknown`.
/// The next use makes a new connection, after which that commit either holds or
/// never will.
class postgres_journal final : public journal {
public:
  /// Opens the journal, making its schema where needed. Refuses a server that
  /// would lose what it has committed: a standby, or one with `fsync`,
  /// `full_page_writes` or `synchronous_commit` off; and an older version. An
  /// error of kind `overloaded`: the database is away, and may come back.
  static result<std::unique_ptr<postgres_journal>>
  open(postgres_journal_options options);

  ~postgres_journal() override;

  journal_owner owner() const override;
  std::vector<batch_outcome>
  commit_all(std::span<const std::span<const job_event>> batches) override;
  result<std::vector<job>> acquire(const acquisition& wanted) override;
  result<std::optional<journal_owner>> claim(std::string_view job) override;
  std::optional<error> release(std::span<const std::string> jobs,
                               bool held_back) override;
  result<std::optional<journal_owner>> owner_of(std::string_view job) override;
  result<std::int64_t> post_order(journal_owner to, std::string_view job,
                                  std::string_view command) override;
  result<std::vector<posted_order>> take_orders() override;
  std::optional<error> answer_order(std::int64_t number,
                                    std::string_view answer) override;
  result<std::optional<std::string>> take_answer(std::int64_t number) override;
  result<bool> withdraw_order(std::int64_t number) override;
  std::shared_ptr<journal_group> group() override;
  std::shared_ptr<shared_values> values() override;
  std::optional<error> check() override;
  result<std::optional<job>> find(std::string_view id) override;
  result<job_page> list(const job_query& query) override;
  result<std::vector<job>> unfinished(std::string_view before,
                                      std::size_t limit) override;
  result<std::uint64_t> count_unfinished() override;
  result<std::optional<key_holder>>
  find_key(std::string_view flow, std::string_view key, wall_time now) override;
  result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) override;
  result<std::size_t> prune(wall_time before, wall_time now,
                            std::size_t limit) override;
  result<std::uint64_t> bytes() override;
  result<std::vector<node_summary>> nodes() override;
  result<bool> maintain() override;
  result<std::unique_ptr<journal_reader>> open_reader() override;

private:
  class state;

  explicit postgres_journal(std::unique_ptr<state> kept);

  std::unique_ptr<state> state_;
};

} // namespace handoff
