#pragma once

#include "journal/sqlite_reader.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace handoff::sqlite {

/// Writes events, within a transaction that the caller holds. Remembers what
/// jobs have come to, to know without reading which event is new and when the
/// summary of a job changes. All methods throw `failure`, upon which the caller
/// undoes the transaction and calls `forget_all`.
class writer {
public:
  writer(connection& on, reader& reads, std::size_t remembered_max);

  void add(std::span<const job_event> events);

  /// What was added, in as few rows as there can be.
  void store();

  /// Deletes final jobs; see `journal::prune`.
  std::size_t prune(wall_time before, wall_time now, std::size_t limit);

  /// After a commit: keeps memory bounded.
  void trim();

  /// After a failure: what is remembered may not be what is stored.
  void forget_all();

private:
  struct known_job {
    std::int64_t no = 0;
    std::int64_t rows = 0;
    /// Without what no decision here needs: bodies, headers, answers.
    job record;
    // What its row in `jobs` says.
    bool stored = false;
    job_status status = job_status::cloning;
    bool has_uid = false;
    std::optional<std::int64_t> finished;
    bool calling_back = false;
    // What this transaction adds to it.
    std::vector<std::uint8_t> events;
    std::size_t event_count = 0;
  };

  struct text_hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  using known_jobs =
    std::unordered_map<std::string, known_job, text_hash, std::equal_to<>>;

  known_job* recall(std::string_view id);
  known_job* accept(const job_event& event, const job_accepted& change);
  /// Takes the key from a job that is forgotten.
  void free_if_forgotten(std::string_view flow, std::string_view key,
                         wall_time now);
  void add(known_job& to, const job_event& event);
  void store(known_job& each);

  connection& on_;
  reader& reads_;
  std::size_t remembered_max_;
  known_jobs known_;
  std::vector<known_job*> touched_;
  std::set<std::string, std::less<>> definitions_;
  std::int64_t next_no_;
  statement insert_job_;
  statement update_job_;
  statement insert_events_;
  statement claim_key_;
  statement release_key_;
  statement insert_definition_;
  statement prunable_;
  statement delete_job_;
  statement delete_events_;
  statement delete_keys_;
};

} // namespace handoff::sqlite
