#pragma once

#include "journal/journal.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace handoff {

/// Keeps jobs for as long as the process lives: for tests, and for who wants
/// to try a flow without leaving anything behind. Thread-safe.
class memory_journal : public journal {
public:
  std::optional<error>
  commit_all(std::span<const std::span<const job_event>> batches) override;
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
  void add(std::span<const job_event> events);

  using key = std::pair<std::string, std::string>; // flow, key

  std::mutex mutex_;
  std::map<std::string, job, std::less<>> jobs_;
  std::map<key, key_holder> keys_;
  std::map<std::string, std::shared_ptr<const nlohmann::json>, std::less<>>
    definitions_;
};

} // namespace handoff
