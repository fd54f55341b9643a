#pragma once

#include "journal/journal.hpp"
#include "journal/sqlite_disk.hpp"

#include <memory>
#include <string>

namespace handoff {

/// How a journal in a file is kept. A plain value.
struct sqlite_journal_options {
  /// The main file. Beside it stand its write-ahead log ("-wal", "-shm"; a copy
  /// without the log is no copy) and "<path>.lock".
  std::string path;
  /// A commit that leaves more frames than this (of 4 KiB) in the log moves
  /// them to the main file itself, so that the log stays bounded where nobody
  /// calls `maintain`. 64 MiB.
  int log_frames_max = 16'384;
  /// With fewer frames than this to move, `maintain` does nothing. 8 MiB.
  int log_frames_moved = 2'048;
  /// For how many jobs the journal remembers what it knows, so that their next
  /// event needs no reading. About 3 KiB each.
  std::size_t remembered_jobs_max = 16'384;
  /// A batch is rejected that tells more bytes than this of one job.
  std::size_t row_bytes_max = std::size_t{64} << 20;
  /// For tests: asked before each write and sync.
  disk_fault fault;
};

/// Says what is wrong with `options`; nothing if they can be used.
std::optional<error> validate(const sqlite_journal_options& options);

/// Keeps jobs in a SQLite database with a write-ahead log. When `commit` has
/// returned, the log was synced (synchronous = FULL): neither a crash of the
/// process nor of the machine loses it. A log that a crash tore is cut back at
/// the next open to the last whole commit.
///
/// There is one owner at a time: an opening takes the place of those before it.
/// Its lock keeps other processes away; were the lock's file removed, the
/// earlier owner would be `fenced`. Orders are in memory: all who post them are
/// in this process.
class sqlite_journal final : public journal {
public:
  /// Opens the journal, making or migrating the file where needed. Refuses,
  /// changing nothing: a file that another process has open, one that is no
  /// journal or damaged, one of a newer release, and a directory or file that
  /// cannot be written.
  static result<std::unique_ptr<sqlite_journal>>
  open(sqlite_journal_options options);

  ~sqlite_journal() override;

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
  result<bool> maintain() override;
  result<std::unique_ptr<journal_reader>> open_reader() override;

private:
  class state;

  explicit sqlite_journal(std::unique_ptr<state> kept);

  std::unique_ptr<state> state_;
};

} // namespace handoff
