#pragma once

#include "journal/journal.hpp"
#include "journal/known_jobs.hpp"
#include "journal/order_book.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace handoff {

/// What the journals of one process share that keep jobs in memory: the jobs,
/// and who works on them. Thread-safe.
class memory_store final : public journal_reader {
public:
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

  /// From now on this owner writes nothing, and its jobs are free.
  void fence(journal_owner owner);

private:
  friend class memory_journal;

  struct entry {
    job record;
    std::int64_t owner = 0; ///< 0: nobody
  };

  using key = std::pair<std::string, std::string>; // flow, key

  bool is_free(const entry& each) const;
  void store(const known_job& each, journal_owner owner);

  std::mutex mutex_;
  std::int64_t last_owner_ = 0;
  std::set<std::int64_t> living_;
  std::map<std::string, entry, std::less<>> jobs_;
  std::set<std::string, std::less<>> unfinished_;
  std::map<key, key_holder> keys_;
  std::map<std::string, std::shared_ptr<const nlohmann::json>, std::less<>>
    definitions_;
  order_book orders_;
};

/// Keeps jobs for as long as the process lives: for tests, and for who wants
/// to try a flow without leaving anything behind. Several may share a store,
/// each as an owner of its own, whose jobs are free once it ends.
class memory_journal : public journal {
public:
  explicit memory_journal(
    std::shared_ptr<memory_store> shared = std::make_shared<memory_store>());
  memory_journal(const memory_journal&) = delete;
  memory_journal& operator=(const memory_journal&) = delete;
  ~memory_journal() override;

  const std::shared_ptr<memory_store>& shared() const noexcept {
    return store_;
  }

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
  class storage;

  bool is_fenced() const;
  batch_outcome commit_one(std::span<const job_event> events);
  batch_outcome fold_and_store(std::span<const job_event> events);
  void take(memory_store::entry& each, std::vector<job>& taken);

  std::shared_ptr<memory_store> store_;
  journal_owner owner_;
  std::unique_ptr<storage> storage_;
  known_jobs known_;
  std::set<std::string, std::less<>> held_back_;
};

} // namespace handoff
