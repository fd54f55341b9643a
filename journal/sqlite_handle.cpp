#include "journal/sqlite_handle.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace handoff::sqlite {
namespace {

// Somebody else may hold a lock for as long as it takes to look at the file;
// who holds it longer is not one of ours.
constexpr int busy_timeout_ms = 250;

/// What a primary result code means to an operator.
const char* meaning_of(int code) {
  switch (code & 0xff) {
  case SQLITE_FULL:
    return "the disk is full; trying again helps once there is room";
  case SQLITE_READONLY:
  case SQLITE_PERM:
    return "the journal may not be written; trying again helps once its "
           "permissions allow it";
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "another program has locked the journal; trying again may help";
  case SQLITE_IOERR:
    return "the disk reported an error; trying again may help";
  case SQLITE_CORRUPT:
    return "the journal's file is damaged; trying again does not help, restore "
           "it from a backup";
  case SQLITE_NOTADB:
    return "the journal's file is not a SQLite database; trying again does not "
           "help, nothing was changed";
  case SQLITE_CANTOPEN:
    return "the journal's file cannot be opened; trying again helps once its "
           "directory exists and can be written";
  case SQLITE_NOMEM:
    return "there is no memory left; trying again may help";
  default:
    return "the journal cannot do it; trying again may not help";
  }
}

} // namespace

std::string file_of(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int links_max = 40; // as Linux has it
  std::error_code failed;
  fs::path file{path};
  for (int n = 0; n < links_max && fs::is_symlink(file, failed); ++n)
    file = file.parent_path() / fs::read_symlink(file, failed);
  const auto whole = fs::weakly_canonical(file, failed);
  return failed ? path : whole.string();
}

void fail(int code, int system_errno, const char* detail) {
  // SQLite knows a full disk only by ENOSPC of a write: not at a sync, and
  // not as a quota or a limit on the size of files.
  if (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG)
    code = SQLITE_FULL;
  std::string text = meaning_of(code);
  text += " (SQLite ";
  text += std::to_string(code);
  if (detail != nullptr) {
    text += ": ";
    text += detail;
  }
  text += ')';
  switch (code & 0xff) {
  case SQLITE_TOOBIG:
  case SQLITE_CONSTRAINT:
  case SQLITE_MISMATCH:
    throw rejection{text};
  default:
    throw failure{text};
  }
}

namespace {

void check(sqlite3* handle, int code) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
    fail(code, sqlite3_system_errno(handle), sqlite3_errmsg(handle));
}

} // namespace

void connection::open(const std::string& path, int flags, const char* vfs) {
  const int code =
    sqlite3_open_v2(path.c_str(), &handle_,
                    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
  if (code != SQLITE_OK) {
    const int reason = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
    sqlite3_close_v2(handle_);
    fail(code, reason, sqlite3_errstr(code));
  }
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
}

namespace {

std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char each : path)
    if (each == '%' || each == '?' || each == '#')
      uri += each == '%' ? "%25" : each == '?' ? "%3f" : "%23";
    else
      uri += each;
  return uri + "?immutable=1";
}

} // namespace

connection::connection(const std::string& path, look how) {
  if (how == look::beside_others) {
    open(path, SQLITE_OPEN_READWRITE, nullptr);
    // Who only looks leaves the log as it is.
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  } else {
    open(immutable_uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nullptr);
  }
  run("PRAGMA query_only = ON");
}

connection::connection(const std::string& path, const std::string& vfs) {
  open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
       vfs.empty() ? nullptr : vfs.c_str());
  // Takes the place of SQLite's own, which moves the log within a commit every
  // 1000 frames. (Setting wal_autocheckpoint would take it away again.)
  sqlite3_wal_hook(
    handle_,
    [](void* self, sqlite3*, const char*, int frames) {
      static_cast<connection*>(self)->log_frames_ = frames;
      return SQLITE_OK;
    },
    this);
}

connection::~connection() {
  sqlite3_close_v2(handle_);
}

void connection::run(const char* sql) {
  check(handle_, sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr));
}

std::int64_t connection::ask(const char* sql) {
  statement question{*this, sql};
  auto answer = question.query();
  return answer.next() ? answer.integer(0) : 0;
}

bool connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle_) == 0;
}

int connection::checkpoint() {
  int frames = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(
    handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
  // Another checkpoint is under way: it does the work.
  if ((code & 0xff) != SQLITE_BUSY)
    check(handle_, code);
  return moved;
}

rows::~rows() {
  sqlite3_reset(running_);
  sqlite3_clear_bindings(running_);
}

bool rows::next() {
  const int code = sqlite3_step(running_);
  check(sqlite3_db_handle(running_), code);
  return code == SQLITE_ROW;
}

bool rows::is_null(int column) const {
  return sqlite3_column_type(running_, column) == SQLITE_NULL;
}

bool rows::is_integer(int column) const {
  return sqlite3_column_type(running_, column) == SQLITE_INTEGER;
}

bool rows::is_blob(int column) const {
  return sqlite3_column_type(running_, column) == SQLITE_BLOB;
}

std::int64_t rows::integer(int column) const {
  return sqlite3_column_int64(running_, column);
}

std::string_view rows::text(int column) const {
  const auto bytes = blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::uint8_t> rows::blob(int column) const {
  const auto* data =
    static_cast<const std::uint8_t*>(sqlite3_column_blob(running_, column));
  return {data,
          static_cast<std::size_t>(sqlite3_column_bytes(running_, column))};
}

statement::statement(connection& on, std::string_view sql) {
  check(on.handle(), sqlite3_prepare_v3(
                       on.handle(), sql.data(), static_cast<int>(sql.size()),
                       SQLITE_PREPARE_PERSISTENT, &compiled_, nullptr));
}

statement::statement(statement&& other) noexcept
    : compiled_{std::exchange(other.compiled_, nullptr)} {}

statement::~statement() {
  sqlite3_finalize(compiled_);
}

void statement::bind(int at, std::nullptr_t) {
  check(sqlite3_db_handle(compiled_), sqlite3_bind_null(compiled_, at));
}

void statement::bind(int at, std::int64_t integer) {
  check(sqlite3_db_handle(compiled_),
        sqlite3_bind_int64(compiled_, at, integer));
}

void statement::bind(int at, std::string_view text) {
  // An empty view may have no address, which SQLite takes for NULL.
  check(sqlite3_db_handle(compiled_),
        sqlite3_bind_text64(compiled_, at, text.empty() ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind(int at, std::span<const std::uint8_t> blob) {
  check(sqlite3_db_handle(compiled_),
        sqlite3_bind_blob64(compiled_, at, blob.data(), blob.size(),
                            SQLITE_STATIC));
}

void statement::bind(int at, const value& any) {
  std::visit([&](const auto& each) { bind(at, each); }, any);
}

transaction::transaction(connection& on, purpose why) : on_{on} {
  on_.run(why == purpose::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

transaction::~transaction() {
  // Some errors have undone it already. A rollback that fails leaves the
  // transaction to the next statement, which then says so.
  if (on_.in_transaction())
    sqlite3_exec(on_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void transaction::commit() {
  on_.run("COMMIT");
}

} // namespace handoff::sqlite
