#pragma once

#include "journal/known_jobs.hpp"
#include "journal/postgres/reader.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff::postgres {

/// What a commit is made of: the fold of its events, and one pipeline of array
/// statements, which is one transaction. On a connection of its own, as the
/// session of its node. All throw `failure`, and `batch_rejected` where a batch
/// can never be committed.
class writer final : public stored_jobs {
public:
  struct session {
    std::int64_t node = 0;
    std::int64_t number = 1;
  };

  explicit writer(known_jobs_options remembered) : known_{*this, remembered} {}

  /// From now on on this connection; what is remembered stays.
  void use(std::shared_ptr<connection> on, session as);

  /// There is no connection; what was remembered may not be what is stored.
  void lose();

  bool is_connected() const { return on_ != nullptr; }

  connection& on() { return *on_; }

  reader& reads() { return *reads_; }

  std::vector<batch_outcome>
  commit(std::span<const std::span<const job_event>> batches);

  /// The last statement of whatever writes: it locks the node's row and fails
  /// with SQLSTATE 22012 where the node is dead, or where a later connection
  /// has taken its session.
  void add_fence();

  void forget(std::string_view job) { known_.forget(job); }

  void forget_all();

  // For the fold.

  std::optional<stored_job> load(std::string_view id) override;
  std::optional<key_holder> holder_of(std::string_view flow,
                                      std::string_view key,
                                      wall_time now) override;

private:
  struct forgotten_holder {
    std::string flow;
    std::string key;
    std::string job;
  };

  /// Throws `batch_rejected` for a job that another node works on, also where
  /// what is told of it is no news: it must not be taken for done here.
  void expect_own(std::span<const std::span<const job_event>> batches) const;
  void add_keys();
  void add_jobs(const std::set<std::string, std::less<>>& handed_back);

  known_jobs known_;
  std::shared_ptr<connection> on_;
  std::unique_ptr<reader> reads_;
  session session_;
  /// Keys of jobs that are not known any more.
  std::vector<forgotten_holder> freed_;
  /// Jobs that this commit has looked at and that other nodes work on.
  std::set<std::string, std::less<>> foreign_;
};

/// The SQLSTATE of `add_fence`.
inline constexpr std::string_view fenced_state = "22012";
/// That of a commit whose keys another node was faster to claim.
inline constexpr std::string_view key_taken_state = "2201F";

} // namespace handoff::postgres
