#pragma once

#include "job/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

/// A thin layer over SQLite: what it opens it closes, and what fails throws
/// `failure`. Neither leaves the folder: the journal's methods turn a failure
/// into an `error` with `guarded`.
namespace handoff::sqlite {

/// The file that `path` leads to, through all symbolic links: beside it stand
/// the lock and SQLite's log, whatever name the journal was given.
std::string file_of(const std::string& path);

/// Why SQLite did not do it, in words for an operator, with whether trying
/// again may help. Never a path, never a value.
class failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// It is for what was to be written that SQLite did not do it, not for the
/// medium: nothing but that is affected.
class rejection : public failure {
public:
  using failure::failure;
};

/// Throws the failure that stands for `code`; `system_errno` is what the
/// operating system said, if anything.
[[noreturn]] void fail(int code, int system_errno, const char* detail);

/// What `action` returns; where it throws, the error that the journal gives.
template <class Action>
auto guarded(Action&& action) -> result<std::invoke_result_t<Action>> {
  try {
    return std::forward<Action>(action)();
  } catch (const failure& caught) {
    return error{error_kind::journal_unavailable, caught.what()};
  }
}

/// What a column may hold. Texts and blobs are views.
using value = std::variant<std::nullptr_t, std::int64_t, std::string_view,
                           std::span<const std::uint8_t>>;

/// A connection. Used by one thread at a time.
class connection {
public:
  /// Opens the file at `path` and makes it if it is not there. `vfs` names the
  /// layer to the operating system; empty for SQLite's own.
  connection(const std::string& path, const std::string& vfs);
  /// How a file is opened that is there already and is not to be changed.
  enum class look { beside_others, alone };
  /// Opens it for reading, beside others that may write to it; `alone`: as a
  /// file that nobody changes, which needs no write permission.
  connection(const std::string& path, look how);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  /// Runs statements that take and give no values.
  void run(const char* sql);

  /// The integer that a query of one value gives.
  std::int64_t ask(const char* sql);

  /// Whether a transaction is open.
  bool in_transaction() const noexcept;

  /// How many frames the write-ahead log held after the last commit of this
  /// connection.
  int log_frames() const noexcept { return log_frames_; }

  /// Moves what it can of the write-ahead log to the main file, waiting for
  /// nobody. Gives how many frames of the log are moved by now.
  int checkpoint();

  sqlite3* handle() const noexcept { return handle_; }

private:
  sqlite3* handle_ = nullptr;
  int log_frames_ = 0;

  void open(const std::string& path, int flags, const char* vfs);
};

/// The rows of a running query. Ends it on destruction, and with it the view
/// of the data that it holds open.
class rows {
public:
  explicit rows(sqlite3_stmt* running) : running_{running} {}

  rows(const rows&) = delete;
  rows& operator=(const rows&) = delete;
  ~rows();

  /// Goes to the next row; false when there is none.
  bool next();

  bool is_null(int column) const;
  bool is_integer(int column) const;
  bool is_blob(int column) const;
  std::int64_t integer(int column) const;
  /// Valid until the next row. Of a blob, its bytes.
  std::string_view text(int column) const;
  std::span<const std::uint8_t> blob(int column) const;

private:
  sqlite3_stmt* running_;
};

/// A statement, compiled once and run many times.
class statement {
public:
  statement(connection& on, std::string_view sql);
  statement(statement&& other) noexcept;
  statement& operator=(statement&&) = delete;
  ~statement();

  /// Starts a query. Texts and blobs must live until its rows are gone.
  template <class... Values>
  rows query(const Values&... values) {
    int at = 0;
    (bind(++at, values), ...);
    return rows{compiled_};
  }

  /// Runs a statement that gives no rows.
  template <class... Values>
  void run(const Values&... values) {
    query(values...).next();
  }

private:
  void bind(int at, std::nullptr_t);
  void bind(int at, std::int64_t integer);
  void bind(int at, std::string_view text);
  void bind(int at, std::span<const std::uint8_t> blob);
  void bind(int at, const value& any);

  template <class T>
  void bind(int at, const std::optional<T>& maybe) {
    if (maybe)
      bind(at, *maybe);
    else
      bind(at, nullptr);
  }

  sqlite3_stmt* compiled_ = nullptr;
};

/// A transaction; undone on destruction unless it was committed.
class transaction {
public:
  enum class purpose { read, write };

  transaction(connection& on, purpose why);
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction();

  void commit();

private:
  connection& on_;
};

} // namespace handoff::sqlite
