#pragma once

#include "job/error.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

struct pg_conn;
struct pg_result;

/// A thin layer over libpq. What fails throws `failure`, which does not leave
/// the folder.
namespace handoff::postgres {

/// Why PostgreSQL did not do it, in words for an operator; never a password.
class failure : public std::runtime_error {
public:
  failure(std::string what, std::string state, bool lost, bool away = false)
      : runtime_error{std::move(what)},
        sql_state{std::move(state)},
        is_lost{lost},
        is_away{away} {}

  std::string sql_state; ///< empty: not from the server
  bool is_lost;          ///< the connection is gone: the outcome is not known
  /// There is no connection, and there may be one later.
  bool is_away;
};

/// What `action` returns; where it throws, the error that the journal gives.
template <class Action>
auto guarded(Action&& action) -> result<std::invoke_result_t<Action>> {
  try {
    return std::forward<Action>(action)();
  } catch (const failure& caught) {
    return error{error_kind::journal_unavailable, caught.what()};
  }
}

/// A job's id as the 128 bits that it stands for; none where it is no job id.
std::optional<std::string> uuid_of(std::string_view job);
std::string job_of(std::string_view uuid);

/// Values in PostgreSQL's binary format, as a statement takes them.
class parameters {
public:
  parameters& integer(std::optional<std::int64_t> value);
  parameters& bytes(std::optional<std::string_view> value);
  parameters& add_array(std::uint32_t element_type,
                        const std::vector<std::optional<std::string>>& values);

  const std::vector<std::optional<std::string>>& values() const {
    return values_;
  }

private:
  std::vector<std::optional<std::string>> values_;
};

/// A column of values for an `unnest`.
class column {
public:
  explicit column(std::uint32_t element_type) : type_{element_type} {}

  void null() { values_.emplace_back(); }

  void bytes(std::string_view value) { values_.emplace_back(value); }

  void small(std::int16_t value);
  void integer(std::int32_t value);
  void big(std::int64_t value);

  void boolean(bool value) { values_.emplace_back(std::string(1, value)); }

  bool empty() const { return values_.empty(); }

  std::size_t size() const { return values_.size(); }

  void add_to(parameters& to) const { to.add_array(type_, values_); }

private:
  std::uint32_t type_;
  std::vector<std::optional<std::string>> values_;
};

inline constexpr std::uint32_t bool_type = 16, bytea_type = 17, int8_type = 20,
                               int2_type = 21, int4_type = 23, text_type = 25,
                               uuid_type = 2950;

/// The rows of an answer, in binary.
class rows {
public:
  explicit rows(pg_result* answer) : answer_{answer, clear} {}

  int count() const;
  bool is_null(int row, int at) const;
  std::string_view bytes(int row, int at) const;
  std::int64_t integer(int row, int at) const;

private:
  static void clear(pg_result* answer);

  std::shared_ptr<pg_result> answer_;
};

/// A statement that a connection has prepared under its name.
struct statement {
  const char* name;
  std::string sql;
};

/// The one of `all` with that name, which there has to be.
inline const statement& named(std::span<const statement> all,
                              std::string_view name) {
  return *std::find_if(all.begin(), all.end(), [&](const statement& each) {
    return each.name == name;
  });
}

/// Whether libpq understands the URI.
bool is_understood(const std::string& uri);

/// Whether an `@`, `/`, `?` or `#` of its password, which is not
/// percent-encoded (RFC 3986, section 3.2.1), has its rest taken for a host, a
/// port or a database: the server's and libpq's messages would tell it.
bool is_split_by_its_password(std::string_view uri);

/// A connection, always in pipeline mode. Used by one thread at a time.
class connection {
public:
  /// Waits for two seconds for each of the URI's hosts. `patience` is how long
  /// the server may be silent from then on. A standby is no server, unless
  /// `any` says so.
  connection(const std::string& uri, std::chrono::milliseconds patience,
             bool any = false);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  /// Runs statements without values, one transaction each.
  void run(const std::vector<std::string>& sql);
  /// The first value of a statement without values, as text.
  std::string ask(const std::string& sql);
  void prepare(std::span<const statement> statements);

  /// Adds a prepared statement to the pipeline.
  void add(const statement& which, const parameters& values);
  /// Runs the pipeline in one transaction and gives the answer to each
  /// statement, or throws the first failure.
  std::vector<rows> sync();
  /// A pipeline of one.
  rows query(const statement& which, const parameters& values);

  int process() const;

private:
  void wait(bool for_writing);
  void flush();
  pg_result* next();
  [[noreturn]] void fail_lost();
  std::vector<rows> collect(std::size_t count);

  pg_conn* handle_ = nullptr;
  std::chrono::milliseconds patience_;
  std::size_t pending_ = 0;
};

} // namespace handoff::postgres
