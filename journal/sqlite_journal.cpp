#include "journal/sqlite_journal.hpp"

#include "journal/file_lock.hpp"
#include "journal/order_book.hpp"
#include "journal/sqlite_free_jobs.hpp"
#include "journal/sqlite_schema.hpp"
#include "journal/sqlite_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace handoff {
namespace {

using sqlite::guarded;
using sqlite::transaction;

// Free pages are used again before the file grows; only when they are many
// and a good part of it is the file made smaller, a step at a time.
constexpr std::int64_t free_pages_min = 1024;
constexpr std::int64_t free_share = 4;

error unavailable(std::string why) {
  return {error_kind::journal_unavailable, std::move(why)};
}

std::optional<error> take(file_lock& lock, const std::string& path) {
  switch (lock.take(path)) {
  case file_lock::outcome::held:
    return std::nullopt;
  case file_lock::outcome::taken:
    return unavailable("another process uses this journal; trying again helps "
                       "once it has stopped");
  case file_lock::outcome::failed:
    break;
  }
  return unavailable(std::string{"the journal's directory cannot be used ("}
                     + std::strerror(errno)
                     + "); trying again helps once it exists and can be "
                       "written");
}

/// Makes the file, if it is not there, such that only its owner can read what
/// senders sent; SQLite gives the log the same permissions.
std::optional<error> make_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return unavailable(std::string{"the journal's file cannot be written ("}
                       + std::strerror(errno)
                       + "); trying again helps once it can");
  ::close(file);
  return std::nullopt;
}

} // namespace

std::optional<error> validate(const sqlite_journal_options& options) {
  if (options.path.empty())
    return error{error_kind::invalid_request, "path: is empty"};
  if (options.log_frames_max < 1 || options.log_frames_moved < 1)
    return error{error_kind::invalid_request,
                 "log_frames_max, log_frames_moved: at least 1"};
  return std::nullopt;
}

/// A file as it was when it was opened. SQLite goes on writing to one that
/// has been removed, and the next start would find nothing of that.
class opened_file {
public:
  explicit opened_file(std::string path) : path_{std::move(path)} {
    is_there_ = ::stat(path_.c_str(), &first_) == 0;
  }

  bool is_in_place() const {
    struct stat now {};

    return is_there_ && ::stat(path_.c_str(), &now) == 0
        && now.st_ino == first_.st_ino && now.st_dev == first_.st_dev;
  }

private:
  std::string path_;
  bool is_there_ = false;

  struct stat first_ {};
};

/// Another opening has taken this one's place.
class fenced : public sqlite::failure {
public:
  fenced()
      : failure{"another process has taken over this journal; this one has to "
                "stop"} {}
};

/// Looks up for the fold what it does not remember.
class sqlite_storage final : public stored_jobs {
public:
  explicit sqlite_storage(sqlite::reader& reads) : reads_{reads} {}

  std::optional<stored_job> load(std::string_view id) override {
    return reads_.load(id);
  }

  std::optional<key_holder> holder_of(std::string_view flow,
                                      std::string_view key,
                                      wall_time now) override {
    auto held = reads_.find_key(flow, key, now);
    if (const auto* failed = std::get_if<error>(&held))
      throw sqlite::failure{failed->detail};
    return std::get<std::optional<key_holder>>(std::move(held));
  }

private:
  sqlite::reader& reads_;
};

/// Members are in the order of their making: the lock is let go of last.
class sqlite_journal::state {
public:
  file_lock lock;
  sqlite_journal_options options;
  std::unique_ptr<sqlite::faulty_disk> disk;
  std::shared_ptr<sqlite::connection> connection;
  std::unique_ptr<sqlite::reader> reads;
  std::unique_ptr<sqlite::writer> writes;
  std::unique_ptr<stored_jobs> storage;
  std::unique_ptr<known_jobs> known;
  std::unique_ptr<sqlite::free_jobs> free;
  std::unique_ptr<sqlite::statement> owner_number;
  journal_owner owner;
  order_book orders;
  /// Of `maintain`, which has its own thread.
  std::mutex housekeeping;
  std::unique_ptr<sqlite::connection> housekeeper;
  /// Frames in the log, and how many of them the main file has.
  std::atomic<int> frames = 0;
  std::atomic<int> moved = 0;

  /// The main file and its log.
  std::vector<opened_file> files;

  std::string disk_name() const { return disk ? disk->name() : std::string{}; }

  using batch_list = std::span<const std::span<const job_event>>;

  void open();
  void expect_files_in_place() const;
  void expect_owner();
  void committed();
  /// In one transaction. Throws what keeps all of them from it.
  std::vector<batch_outcome> commit(batch_list batches);
  std::vector<batch_outcome> try_commit(batch_list batches);
  /// Each by itself, to find those that keep the others from it.
  std::vector<batch_outcome> commit_singly(batch_list batches);
  /// Runs `action`, giving its error; `known` is right afterwards.
  template <class Action>
  auto guarded(Action&& action) -> result<std::invoke_result_t<Action>>;
};

void sqlite_journal::state::open() {
  if (options.fault)
    disk = std::make_unique<sqlite::faulty_disk>(options.fault);
  connection = std::make_shared<sqlite::connection>(options.path, disk_name());
  sqlite::migrate(*connection, sqlite::migrations());
  sqlite::prepare_to_write(*connection);
  reads = std::make_unique<sqlite::reader>(connection);
  writes = std::make_unique<sqlite::writer>(*connection);
  storage = std::make_unique<sqlite_storage>(*reads);
  known_jobs_options remembered;
  remembered.remembered_max = options.remembered_jobs_max;
  remembered.row_bytes_max = options.row_bytes_max;
  known = std::make_unique<known_jobs>(*storage, remembered);
  free =
    std::make_unique<sqlite::free_jobs>(*connection, *reads, writes->next_no());
  connection->run("UPDATE owner SET number = number + 1");
  owner_number = std::make_unique<sqlite::statement>(
    *connection, "SELECT number FROM owner");
  owner = {connection->ask("SELECT number FROM owner")};
  housekeeper = std::make_unique<sqlite::connection>(options.path, disk_name());
  sqlite::prepare_to_write(*housekeeper);
  for (const auto* suffix : {"", "-wal"})
    files.emplace_back(options.path + suffix);
}

void sqlite_journal::state::expect_files_in_place() const {
  for (const auto& each : files)
    if (!each.is_in_place())
      throw sqlite::failure{"the journal's file is gone or another is in its "
                            "place; trying again helps once it is back"};
}

void sqlite_journal::state::committed() {
  const int now = connection->log_frames();
  // The log is begun anew once all of it is moved.
  if (now < frames)
    moved = 0;
  frames = now;
  if (now - moved > options.log_frames_max)
    moved = connection->checkpoint();
}

sqlite_journal::sqlite_journal(std::unique_ptr<state> kept)
    : state_{std::move(kept)} {}

sqlite_journal::~sqlite_journal() = default;

result<std::unique_ptr<sqlite_journal>>
sqlite_journal::open(sqlite_journal_options options) {
  if (auto wrong = validate(options))
    return *std::move(wrong);
  auto kept = std::make_unique<state>();
  kept->options = std::move(options);
  kept->options.path = sqlite::file_of(kept->options.path);
  // Before SQLite opens the file: closing any descriptor of it would let go of
  // the locks that SQLite holds on it.
  if (auto failed = take(kept->lock, kept->options.path + ".lock"))
    return *std::move(failed);
  if (auto failed = make_file(kept->options.path))
    return *std::move(failed);
  return guarded([&] {
    kept->open();
    return std::unique_ptr<sqlite_journal>{new sqlite_journal{std::move(kept)}};
  });
}

void sqlite_journal::state::expect_owner() {
  auto row = owner_number->query();
  if (!row.next() || row.integer(0) != owner.number)
    throw fenced{};
}

std::vector<batch_outcome> sqlite_journal::state::commit(batch_list batches) {
  std::vector<batch_outcome> outcomes;
  outcomes.reserve(batches.size());
  transaction step{*connection, transaction::purpose::write};
  expect_owner();
  for (const auto& events : batches)
    outcomes.push_back(known->add(events));
  writes->store(*known);
  expect_files_in_place();
  step.commit();
  return outcomes;
}

std::vector<batch_outcome>
sqlite_journal::state::try_commit(batch_list batches) {
  const auto all = [&](commit_status status, const char* why) {
    known->forget_all();
    return std::vector(batches.size(),
                       batch_outcome{status, unavailable(why), {}});
  };
  std::vector<batch_outcome> outcomes;
  try {
    outcomes = commit(batches);
  } catch (const fenced& why) {
    return all(commit_status::fenced, why.what());
  } catch (const sqlite::rejection& why) {
    return all(commit_status::rejected, why.what());
  } catch (const sqlite::failure& why) {
    return all(commit_status::unavailable, why.what());
  } catch (const std::bad_alloc&) {
    return all(commit_status::unavailable,
               "there is no memory left; trying again may help");
  } catch (const std::exception& why) {
    return all(commit_status::rejected, why.what());
  }
  free->committed(*known);
  known->committed();
  // The events are durable: what fails now is not theirs, and the next commit
  // comes upon it.
  sqlite::guarded([&] {
    committed();
    return true;
  });
  return outcomes;
}

std::vector<batch_outcome>
sqlite_journal::state::commit_singly(batch_list batches) {
  std::vector<batch_outcome> outcomes;
  outcomes.reserve(batches.size());
  for (std::size_t n = 0; n < batches.size(); ++n)
    outcomes.push_back(try_commit(batches.subspan(n, 1)).front());
  return outcomes;
}

template <class Action>
auto sqlite_journal::state::guarded(Action&& action)
  -> result<std::invoke_result_t<Action>> {
  auto done = sqlite::guarded(std::forward<Action>(action));
  if (std::holds_alternative<error>(done))
    known->forget_all();
  return done;
}

journal_owner sqlite_journal::owner() const {
  return state_->owner;
}

std::vector<batch_outcome> sqlite_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  if (std::all_of(batches.begin(), batches.end(),
                  [](const auto& each) { return each.empty(); }))
    return std::vector<batch_outcome>(batches.size());
  auto outcomes = state_->try_commit(batches);
  const bool is_one_to_blame =
    batches.size() > 1 && outcomes.front().status == commit_status::rejected;
  return is_one_to_blame ? state_->commit_singly(batches) : outcomes;
}

result<std::vector<job>> sqlite_journal::acquire(const acquisition& wanted) {
  return guarded([&] {
    state_->expect_owner();
    return state_->free->take(wanted);
  });
}

result<std::optional<journal_owner>>
sqlite_journal::claim(std::string_view job) {
  return guarded([&]() -> std::optional<journal_owner> {
    state_->expect_owner();
    state_->free->take({1, std::string{job}});
    // It is the only owner.
    if (!state_->storage->load(job))
      return std::nullopt;
    return state_->owner;
  });
}

std::optional<error> sqlite_journal::release(std::span<const std::string> jobs,
                                             bool held_back) {
  const auto done = guarded([&] {
    state_->free->release(jobs, held_back);
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<journal_owner>>
sqlite_journal::owner_of(std::string_view job) {
  return guarded([&] {
    return state_->free->is_taken(job) ? std::optional{state_->owner}
                                       : std::nullopt;
  });
}

result<std::int64_t> sqlite_journal::post_order(journal_owner to,
                                                std::string_view job,
                                                std::string_view command) {
  return state_->orders.post(to, job, command);
}

result<std::vector<posted_order>> sqlite_journal::take_orders() {
  return state_->orders.take(state_->owner);
}

std::optional<error> sqlite_journal::answer_order(std::int64_t number,
                                                  std::string_view answer) {
  state_->orders.answer(state_->owner, number, answer);
  return std::nullopt;
}

result<std::optional<std::string>>
sqlite_journal::take_answer(std::int64_t number) {
  return state_->orders.take_answer(number);
}

result<bool> sqlite_journal::withdraw_order(std::int64_t number) {
  return state_->orders.withdraw(number);
}

std::optional<error> sqlite_journal::check() {
  const auto done = guarded([&] {
    auto& on = *state_->connection;
    transaction step{on, transaction::purpose::write};
    state_->expect_owner();
    // Is written although it stays what it is.
    on.run(
      ("PRAGMA user_version = " + std::to_string(on.ask("PRAGMA user_version")))
        .c_str());
    state_->expect_files_in_place();
    step.commit();
    state_->committed();
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::size_t> sqlite_journal::prune(wall_time before, wall_time now,
                                          std::size_t limit) {
  auto& on = *state_->connection;
  return state_->guarded([&] {
    transaction step{on, transaction::purpose::write};
    state_->expect_owner();
    const auto forgotten =
      state_->writes->prune(before, now, limit, *state_->reads);
    const auto unused = on.ask("PRAGMA freelist_count");
    if (unused > free_pages_min
        && unused > on.ask("PRAGMA page_count") / free_share)
      on.run(
        ("PRAGMA incremental_vacuum(" + std::to_string(free_pages_min) + ")")
          .c_str());
    step.commit();
    for (const auto& id : forgotten)
      state_->known->forget(id);
    state_->committed();
    return forgotten.size();
  });
}

result<bool> sqlite_journal::maintain() {
  const std::scoped_lock lock{state_->housekeeping};
  const int before = state_->moved;
  if (state_->frames - before < state_->options.log_frames_moved)
    return false;
  return guarded([&] {
    state_->moved = state_->housekeeper->checkpoint();
    return true;
  });
}

result<std::unique_ptr<journal_reader>> sqlite_journal::open_reader() {
  return guarded([&]() -> std::unique_ptr<journal_reader> {
    auto own = std::make_shared<sqlite::connection>(state_->options.path,
                                                    state_->disk_name());
    own->run("PRAGMA query_only = ON; PRAGMA cache_size = -4096");
    return std::make_unique<sqlite::reader>(std::move(own));
  });
}

result<std::optional<job>> sqlite_journal::find(std::string_view id) {
  return state_->reads->find(id);
}

result<job_page> sqlite_journal::list(const job_query& query) {
  return state_->reads->list(query);
}

result<std::vector<job>> sqlite_journal::unfinished(std::string_view before,
                                                    std::size_t limit) {
  return state_->reads->unfinished(before, limit);
}

result<std::uint64_t> sqlite_journal::count_unfinished() {
  return state_->reads->count_unfinished();
}

result<std::optional<key_holder>>
sqlite_journal::find_key(std::string_view flow, std::string_view key,
                         wall_time now) {
  return state_->reads->find_key(flow, key, now);
}

result<std::optional<nlohmann::json>>
sqlite_journal::flow_definition(std::string_view version) {
  return state_->reads->flow_definition(version);
}

result<std::uint64_t> sqlite_journal::bytes() {
  return state_->reads->bytes();
}

} // namespace handoff
