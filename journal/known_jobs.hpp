#pragma once

#include "journal/journal.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace handoff {

/// A batch that can never be committed, whatever the medium does. Neither
/// leaves the folder: `batch_outcome` says `rejected`.
class batch_rejected : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What lists and decisions need of a job, beside its events: its row in a
/// table of jobs.
struct job_row {
  job_status status = job_status::cloning;
  bool has_uid = false;
  std::optional<std::int64_t> finished; ///< ms since 1970
  bool calling_back = false;

  friend bool operator==(const job_row&, const job_row&) = default;
};

/// Whether the job of this row has something left to be done without a person;
/// see `is_unfinished`.
bool is_unfinished(const job_row& row);

/// A job as its stored events make it, with where they are.
struct stored_job {
  std::int64_t no = 0;   ///< a number of the backend
  std::int64_t rows = 0; ///< how many rows of events it has
  job record;
};

/// What a job has come to, as far as is needed to commit more of it.
struct known_job {
  std::int64_t no = 0;
  std::int64_t rows = 0;
  job record;
  /// Its row as it is stored; none: the job is new.
  std::optional<job_row> stored;
  /// What this commit adds to it: events one behind the other, see `encode`.
  std::vector<std::uint8_t> events;
  std::size_t event_count = 0;

  job_row row() const;
};

/// A key that this commit claims for a job or takes from it.
struct key_change {
  std::string flow;
  std::string job;
  idempotency_claim claim; ///< of one that is taken, the key alone
  wall_time at;
  bool is_claim = true;
};

/// A definition that came with a job and that was not committed yet.
struct new_definition {
  std::string version;
  std::shared_ptr<const nlohmann::json> definition;
};

/// Where the fold finds what it does not remember. May throw what the backend
/// throws.
class stored_jobs {
public:
  virtual ~stored_jobs() = default;
  virtual std::optional<stored_job> load(std::string_view id) = 0;
  virtual std::optional<key_holder>
  holder_of(std::string_view flow, std::string_view key, wall_time now) = 0;
};

struct known_jobs_options {
  /// For how many jobs it remembers between commits what it knows.
  std::size_t remembered_max = 16'384;
  /// Whether records keep what is large and decides nothing: bodies, headers,
  /// answers.
  bool keep_bulk = false;
  /// Whether other owners may write to jobs that nobody works on: of these
  /// nothing is remembered.
  bool is_shared = false;
  /// What all events of one job in one commit may take, encoded.
  std::size_t row_bytes_max = std::size_t{64} << 20;
};

/// The fold of events that all backends share: brings records forward by
/// `apply`, leaves out what is no news, refuses keys that are held, and says
/// what is to be stored. Remembers what jobs have come to, so that their next
/// event needs no reading. Used by one thread.
///
/// A backend adds batches, stores `touched`, `keys` and `definitions`, and then
/// calls `committed`; or `forget_all`, after anything has failed.
class known_jobs {
public:
  known_jobs(stored_jobs& storage, known_jobs_options options)
      : storage_{storage}, options_{options} {}

  /// Adds a batch to the commit, or nothing of it: where a key is held, or
  /// where a job that is to go on was deleted. Throws `batch_rejected`, and
  /// what `stored_jobs` throws.
  batch_outcome add(std::span<const job_event> events);

  /// Those that the commit adds events to, in the order of their first one.
  std::span<known_job* const> touched() const { return touched_; }

  const std::vector<key_change>& keys() const { return keys_; }

  const std::vector<new_definition>& definitions() const {
    return definitions_;
  }

  /// It is durable. Keeps memory bounded; what `touched` gave is gone.
  void committed();

  /// What is remembered may not be what is stored.
  void forget_all();

  /// The same, of one job.
  void forget(std::string_view id);

private:
  struct text_hash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  known_job* recall(std::string_view id);
  std::optional<error> forgotten(std::span<const job_event> events);
  void change_key(key_change change);
  void
  store_definition(const std::string& version,
                   const std::shared_ptr<const nlohmann::json>& definition);
  /// What this commit has said last of a key; null: nothing.
  const key_change* last_change(const std::string& flow,
                                const std::string& key) const;
  /// The job other than `job` that holds the key `wanted` of `flow`.
  std::optional<std::string> holder_of(const std::string& job,
                                       const std::string& flow,
                                       const idempotency_claim& wanted,
                                       wall_time now,
                                       std::span<const key_change> batch);
  std::optional<std::string> held_key(std::span<const job_event> events);
  void add(const job_event& event);
  void accept(const job_event& event, const job_accepted& change);
  void tell(known_job& to, const job_event& event);

  stored_jobs& storage_;
  known_jobs_options options_;
  std::unordered_map<std::string, known_job, text_hash, std::equal_to<>> known_;
  std::vector<known_job*> touched_;
  std::vector<key_change> keys_;
  /// Places in `keys_` of what was said last, by flow and key.
  std::unordered_map<std::string, std::size_t> last_changes_;
  std::vector<new_definition> definitions_;
  /// Versions that need not be stored again.
  std::set<std::string, std::less<>> stored_definitions_;
};

std::int64_t ms_since_1970(wall_time time);

} // namespace handoff
