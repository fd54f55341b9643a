#include "journal/sqlite_backup.hpp"

#include "job/status.hpp"
#include "journal/sqlite_reader.hpp"
#include "journal/sqlite_schema.hpp"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <unistd.h>

namespace handoff {
namespace {

namespace fs = std::filesystem;
using sqlite::connection;
using sqlite::guarded;

constexpr std::size_t problems_max = 100;

error wrong(std::string what) {
  return {error_kind::invalid_request, std::move(what)};
}

/// Syncs a file or a directory.
void sync(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_done = file >= 0 && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0)
    ::close(file);
  if (!is_done)
    throw sqlite::failure{std::string{"the copy could not be synced ("}
                          + std::strerror(why) + ")"};
}

void copy_pages(connection& from, connection& to) {
  auto* const copying =
    sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (copying == nullptr)
    sqlite::fail(sqlite3_errcode(to.handle()), 0, sqlite3_errmsg(to.handle()));
  // In one step, and so of one moment: with a write-ahead log, nobody who
  // writes waits for who reads.
  int code = sqlite3_backup_step(copying, -1);
  const int finished = sqlite3_backup_finish(copying);
  if (code == SQLITE_DONE)
    code = finished;
  if (code != SQLITE_OK)
    sqlite::fail(code, sqlite3_system_errno(to.handle()), sqlite3_errstr(code));
}

/// Removes what is half done, unless it was given its name.
class half_done {
public:
  explicit half_done(std::string path) : path_{std::move(path)} {}

  ~half_done() {
    if (!path_.empty())
      for (const auto* suffix : {"", "-journal", "-wal", "-shm"})
        ::unlink((path_ + suffix).c_str());
  }

  half_done(const half_done&) = delete;
  half_done& operator=(const half_done&) = delete;

  const std::string& path() const { return path_; }

  /// Gives it its name, which must not be taken.
  void finish(const std::string& name) {
    if (::link(path_.c_str(), name.c_str()) != 0)
      throw sqlite::failure{
        std::string{"the copy could not be given its name ("}
        + std::strerror(errno) + ")"};
  }

private:
  std::string path_;
};

std::optional<error> expect_file(const std::string& path) {
  std::error_code failed;
  if (fs::is_regular_file(path, failed))
    return std::nullopt;
  return wrong("there is no journal at " + path);
}

std::unique_ptr<connection> open_to_look(const std::string& name) {
  // Without a log nobody writes to it. To look must leave no log behind.
  std::error_code failed;
  const auto path = sqlite::file_of(name);
  return std::make_unique<connection>(path, fs::exists(path + "-wal", failed)
                                              ? connection::look::beside_others
                                              : connection::look::alone);
}

std::int64_t expect_journal(connection& on) {
  if (on.ask("PRAGMA application_id") != sqlite::journal_application_id)
    throw sqlite::failure{"it is not a journal of handoff"};
  const auto version = on.ask("PRAGMA user_version");
  if (version > static_cast<std::int64_t>(sqlite::migrations().size()))
    throw sqlite::failure{"it is the journal of a newer release (schema "
                          + std::to_string(version) + ")"};
  return version;
}

void add_problem(journal_facts& to, std::string what) {
  if (to.problems.size() < problems_max)
    to.problems.push_back(std::move(what));
}

void check_pages(connection& on, journal_facts& to) {
  sqlite::statement check{on, "PRAGMA integrity_check(100)"};
  auto rows = check.query();
  while (rows.next())
    if (const auto line = rows.text(0); line != "ok")
      add_problem(to, std::string{line});
}

/// Every event of every job, and whether the row of the job is what they add up
/// to.
void check_jobs(const std::shared_ptr<connection>& on, journal_facts& to) {
  sqlite::reader reads{on};
  sqlite::statement list{*on, "SELECT id, status FROM jobs ORDER BY no"};
  auto rows = list.query();
  while (rows.next()) {
    const std::string id{rows.text(0)};
    const auto status = static_cast<job_status>(rows.integer(1));
    ++to.jobs;
    ++to.statuses[std::string{name(status)}];
    const auto found = reads.find(id);
    if (const auto* failed = std::get_if<error>(&found)) {
      add_problem(to, failed->detail);
      continue;
    }
    const auto& record = std::get<std::optional<job>>(found);
    if (!record)
      add_problem(to, "job " + id + " has no events");
    else if (record->status != status)
      add_problem(to, "job " + id + " is listed as " + std::string{name(status)}
                        + ", but its events make it "
                        + std::string{name(record->status)});
  }
}

/// The file format's version for readers: 2 with a write-ahead log (SQLite's
/// file format, section 1.3).
bool expects_log(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::array<char, 20> head{};
  return file.read(head.data(), head.size())
      && std::string_view{head.data(), 15} == "SQLite format 3"
      && head[19] == 2;
}

} // namespace

result<backup_facts> back_up_sqlite(const std::string& from,
                                    const std::string& to) {
  if (auto missing = expect_file(from))
    return *std::move(missing);
  std::error_code failed;
  if (fs::exists(fs::symlink_status(to, failed)))
    return wrong(to + " is there already: nothing was written");
  return guarded([&] {
    half_done copy{to + ".part." + std::to_string(::getpid())};
    const int file =
      ::open(copy.path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
      throw sqlite::failure{"cannot write " + to + " (" + std::strerror(errno)
                            + ")"};
    ::close(file);
    backup_facts made;
    {
      const auto source = open_to_look(from);
      expect_journal(*source);
      connection target{copy.path(), std::string{}};
      copy_pages(*source, target);
      // A file by itself, without a log beside it.
      target.run("PRAGMA journal_mode = DELETE");
      made.jobs =
        static_cast<std::uint64_t>(target.ask("SELECT count(*) FROM jobs"));
      sqlite::statement check{target, "PRAGMA quick_check(1)"};
      auto rows = check.query();
      if (rows.next() && rows.text(0) != "ok")
        throw sqlite::failure{"the journal is damaged: "
                              + std::string{rows.text(0)}};
    }
    sync(copy.path());
    copy.finish(to);
    const auto folder = fs::path{to}.parent_path();
    sync(folder.empty() ? "." : folder.string());
    made.bytes = fs::file_size(to);
    return made;
  });
}

result<journal_facts> check_sqlite(const std::string& path) {
  if (auto missing = expect_file(path))
    return *std::move(missing);
  return guarded([&] {
    journal_facts found;
    try {
      const std::shared_ptr<connection> on = open_to_look(path);
      found.schema = expect_journal(*on);
      check_pages(*on, found);
      const auto latest =
        static_cast<std::int64_t>(sqlite::migrations().size());
      // An older one is brought up to date by the next start.
      if (found.schema == latest)
        check_jobs(on, found);
      else
        found.jobs =
          static_cast<std::uint64_t>(on->ask("SELECT count(*) FROM jobs"));
    } catch (const sqlite::failure& failed) {
      add_problem(found, failed.what());
    }
    return found;
  });
}

bool lacks_its_log(const std::string& name) {
  std::error_code failed;
  const auto path = sqlite::file_of(name);
  if (!expects_log(path) || fs::exists(path + "-wal", failed))
    return false;
  // After an orderly end there is no log; the lock tells which end it was, and
  // is missing where the file came from elsewhere.
  const auto lock = path + ".lock";
  return !fs::exists(lock, failed) || fs::file_size(lock, failed) > 0;
}

bool was_removed(const std::string& name) {
  std::error_code failed;
  const auto path = sqlite::file_of(name);
  return fs::exists(path + ".lock", failed)
      && (!fs::exists(path, failed) || fs::file_size(path, failed) == 0);
}

} // namespace handoff
