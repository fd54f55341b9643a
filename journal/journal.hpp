#pragma once

#include "job/error.hpp"
#include "job/event.hpp"
#include "journal/commit.hpp"
#include "journal/journal_group.hpp"
#include "journal/shared_values.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Which jobs to list. What is empty selects nothing away.
struct job_query {
  std::string flow = {};
  std::optional<job_status> status = {};
  /// The UID as text; an integer UID is found by its decimal digits.
  std::string uid = {};
  std::optional<wall_time> since = {}; ///< received at or after
  std::size_t limit = 50;              ///< 1..1000
  /// Only jobs that are older than the one with this id: the page's cursor.
  std::string before = {};
};

/// A line of a list of jobs.
struct job_summary {
  std::string id;
  std::string flow;
  job_status status = job_status::cloning;
  nlohmann::json uid;
  wall_time received;
  std::optional<wall_time> finished;
};

struct job_page {
  std::vector<job_summary> jobs;   ///< newest first
  std::optional<std::string> next; ///< the cursor of the next page, if any
};

/// Who holds an idempotency key.
struct key_holder {
  std::string job;
  idempotency_claim claim;
};

/// Which jobs an owner wants to take up.
struct acquisition {
  std::size_t limit = 100;
  /// Only the job with this id, also if it was held back; any if empty.
  std::string job = {};
};

/// A command for a job, on its way to the job's owner. What it says and how it
/// is answered is between who posts it and the owner: bytes to the journal.
struct posted_order {
  std::int64_t number = 0;
  std::string job;
  std::string command;
};

/// A view of what survives. Every error is of kind `journal_unavailable`, and
/// says whether trying again may help. Used by one thread at a time.
class journal_reader {
public:
  virtual ~journal_reader() = default;

  /// The job as all committed events left it; empty if it is not known.
  virtual result<std::optional<job>> find(std::string_view id) = 0;

  virtual result<job_page> list(const job_query& query) = 0;

  /// Up to `limit` jobs that are unfinished (`is_unfinished`) and older than
  /// `before` (all if empty), newest first.
  virtual result<std::vector<job>> unfinished(std::string_view before,
                                              std::size_t limit) = 0;

  /// How many jobs `unfinished` would give in all.
  virtual result<std::uint64_t> count_unfinished() = 0;

  /// The job that holds `key` in `flow` and has not let go of it by `now`. It
  /// may have been forgotten since.
  virtual result<std::optional<key_holder>>
  find_key(std::string_view flow, std::string_view key, wall_time now) = 0;

  /// The definition of a flow as it was committed with a job.
  virtual result<std::optional<nlohmann::json>>
  flow_definition(std::string_view version) = 0;

  /// Which of these jobs are past their clone, or not known: in any order.
  virtual result<std::vector<std::string>>
  past_clone(std::span<const std::string> jobs);

  /// The owners that share the journal, oldest first, and those that did until
  /// an hour ago; none where there is one owner at a time.
  virtual result<std::vector<node_summary>> nodes() {
    return std::vector<node_summary>{};
  }

  /// How much it keeps, in bytes of its medium: what `prune` makes less. What
  /// a backend needs besides (a log of bounded size) is not in it.
  virtual result<std::uint64_t> bytes() = 0;
};

/// Whether all of `events` hold, which is so if none of them would change its
/// job any more: how to find out what became of a commit whose outcome is
/// `unknown`. `from` must see what that commit wrote if it did.
result<bool> holds(journal_reader& from, std::span<const job_event> events);

/// What survives: the events of all jobs, what they add up to, and which owner
/// works on which job. Speaks of jobs, not of storage; any backend passes the
/// one conformance suite (tests/journal/conformance.hpp).
///
/// One thread commits, prunes, acquires and reads through the journal itself;
/// others read through what `open_reader` gives them, and post orders. Times
/// are kept to the millisecond.
class journal : public journal_reader {
public:
  /// Who writes through this journal, from its opening to its end.
  virtual journal_owner owner() const = 0;

  /// The same as `commit_all` for one batch; gives why it does not hold.
  std::optional<error> commit(std::span<const job_event> events) {
    return commit_all({&events, 1}).front().failure;
  }

  /// Makes batches of events durable, in order, in as few transactions as there
  /// can be, and says of each what became of it. All events of a batch hold or
  /// none does, also after a crash; one that cannot be committed does not keep
  /// the others from it. Only a crash before the next commit may show a batch
  /// that was `unavailable` nevertheless, where the disk took it and then
  /// failed to say so. An event of a job that is not known, and one that has
  /// been applied before, change nothing.
  ///
  /// A job claims its key in the commit that accepts it. If another job holds
  /// the key at the time of that event, the whole batch is left out as
  /// `key_held`. A job that is forgotten lets go of its key to whoever claims
  /// it.
  ///
  /// A job belongs to the owner that accepts it, that acquires it, or whose
  /// commit gives a job something to do that had nothing left to do. Batches
  /// for a job of another owner are `rejected`.
  virtual std::vector<batch_outcome>
  commit_all(std::span<const std::span<const job_event>> batches) = 0;

  /// Takes unfinished jobs that no living owner works on, newest first: those
  /// of owners that have ended, and those that were released. They are this
  /// owner's when it returns. Fewer than the limit: there are no more now.
  virtual result<std::vector<job>> acquire(const acquisition& wanted) = 0;

  /// Makes the job this owner's unless another living owner has it, also where
  /// nothing of it is left to do: what is read of it then stays so until this
  /// owner writes to it. Gives whose it is; none: there is no such job.
  virtual result<std::optional<journal_owner>> claim(std::string_view job) = 0;

  /// Lets go of jobs, for any owner to take; where nothing is left to do, for
  /// any to claim. Those that are `held_back` this owner is not given again
  /// unless it asks for them by their id. One that is not this owner's stays
  /// whose it is.
  virtual std::optional<error> release(std::span<const std::string> jobs,
                                       bool held_back = false) = 0;

  /// Who works on the job, if anybody does.
  virtual result<std::optional<journal_owner>>
  owner_of(std::string_view job) = 0;

  /// Posts a command to the owner of a job; gives the order's number. May be
  /// called from any thread.
  virtual result<std::int64_t> post_order(journal_owner to,
                                          std::string_view job,
                                          std::string_view command) = 0;

  /// The orders for this owner that it has not taken yet, in the order of their
  /// numbers. Each is taken once: who takes it answers it.
  virtual result<std::vector<posted_order>> take_orders() = 0;

  /// Answers an order that this owner has taken. The first answer stays.
  virtual std::optional<error> answer_order(std::int64_t number,
                                            std::string_view answer) = 0;

  /// The answer to an order that this owner has posted, once there is one;
  /// forgets the order with it. May be called from any thread.
  virtual result<std::optional<std::string>>
  take_answer(std::int64_t number) = 0;

  /// Forgets an order whose answer nobody waits for any more. Gives whether its
  /// owner had not taken it, so that nothing comes of it. May be called from
  /// any thread.
  virtual result<bool> withdraw_order(std::int64_t number) = 0;

  /// What this owner shares with others; null where there is one at a time.
  virtual std::shared_ptr<journal_group> group() { return nullptr; }

  /// What this owner keeps together with others; null where there is one at a
  /// time. Must not outlive the journal.
  virtual std::shared_ptr<shared_values> values() { return nullptr; }

  /// Makes a commit that changes nothing: whether one would succeed now. For a
  /// journal that failed while nobody has anything to commit.
  virtual std::optional<error> check() = 0;

  /// Forgets up to `limit` final jobs that finished before `before` and have
  /// no callback left to make, the one
  /// that finished first foremost, with all that belongs to them, and keys
  /// that have expired by `now`. Gives how many jobs it forgot. The room
  /// that becomes free is used again, and given back when it is much. A crash
  /// leaves all or none of one call's jobs.
  virtual result<std::size_t> prune(wall_time before, wall_time now,
                                    std::size_t limit) = 0;

  /// Does housekeeping that would otherwise be done within a commit, if there
  /// is enough to do; gives whether it did any. Takes some tens of
  /// milliseconds on a slow disk. May be called from any thread, and holds up
  /// neither commits nor readers but for the disk that they share. Changes
  /// nothing that a crash could lose.
  virtual result<bool> maintain() = 0;

  /// A reader for another thread, which never waits for commits nor holds
  /// them up, and sees a commit as soon as it has returned. May be called from
  /// any thread; must not outlive the journal.
  virtual result<std::unique_ptr<journal_reader>> open_reader() = 0;
};

} // namespace handoff
