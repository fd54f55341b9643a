#include "journal/postgres/handle.hpp"

#include <algorithm>
#include <array>
#include <libpq-fe.h>
#include <poll.h>

namespace handoff::postgres {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

template <class Unsigned>
std::string big_endian(Unsigned value) {
  std::string out(sizeof(Unsigned), '\0');
  for (std::size_t n = 0; n < sizeof(Unsigned); ++n)
    out[n] =
      static_cast<char>((value >> (8 * (sizeof(Unsigned) - 1 - n))) & 0xff);
  return out;
}

/// The first line of what libpq says: what follows may quote values.
std::string first_line(const char* text) {
  const std::string_view all{text == nullptr ? "" : text};
  return std::string{all.substr(0, all.find('\n'))};
}

/// Whether a server that cannot be had now may be there later: one that says
/// anything else will say it again.
bool may_come_back(std::string_view why) {
  constexpr std::array<std::string_view, 6> passing{
    "starting up",      "shutting down",         "recovery",
    "too many clients", "accepting connections", "remaining connection slots"};
  // libpq says these of the URI, or of what both sides can do at all.
  constexpr std::array<std::string_view, 6> lasting{
    "FATAL",           "no password",          "invalid ",
    "could not match", "does not support SSL", "certificate"};
  const auto says_one_of = [&](const auto& words) {
    return std::any_of(words.begin(), words.end(), [&](auto each) {
      return why.find(each) != std::string_view::npos;
    });
  };
  return !says_one_of(lasting) || says_one_of(passing);
}

} // namespace

std::optional<std::string> uuid_of(std::string_view job) {
  if (job.size() != 26)
    return std::nullopt;
  std::array<std::uint8_t, 16> bits{};
  for (const char each : job) {
    const auto digit = alphabet.find(each);
    if (digit == std::string_view::npos)
      return std::nullopt;
    auto carry = static_cast<unsigned>(digit);
    for (std::size_t n = bits.size(); n-- > 0;) {
      const auto wide = static_cast<unsigned>(bits[n]) << 5 | carry;
      bits[n] = static_cast<std::uint8_t>(wide & 0xff);
      carry = wide >> 8;
    }
    if (carry != 0)
      return std::nullopt;
  }
  return std::string{bits.begin(), bits.end()};
}

std::string job_of(std::string_view uuid) {
  std::string job(26, '0');
  unsigned held = 0;
  unsigned count = 0;
  std::size_t place = job.size();
  for (std::size_t n = uuid.size(); n-- > 0;) {
    held |= static_cast<unsigned>(static_cast<std::uint8_t>(uuid[n])) << count;
    for (count += 8; count >= 5 && place > 0; count -= 5) {
      job[--place] = alphabet[held & 31];
      held >>= 5;
    }
  }
  if (place > 0)
    job[--place] = alphabet[held & 31];
  return job;
}

parameters& parameters::integer(std::optional<std::int64_t> value) {
  values_.push_back(
    value ? std::optional{big_endian(static_cast<std::uint64_t>(*value))}
          : std::nullopt);
  return *this;
}

parameters& parameters::bytes(std::optional<std::string_view> value) {
  if (value)
    values_.emplace_back(*value);
  else
    values_.emplace_back();
  return *this;
}

parameters&
parameters::add_array(std::uint32_t element_type,
                      const std::vector<std::optional<std::string>>& values) {
  bool has_null = false;
  std::size_t size = 20;
  for (const auto& each : values) {
    has_null |= !each;
    size += 4 + (each ? each->size() : 0);
  }
  std::string array;
  array.reserve(size);
  array += big_endian(std::uint32_t{1});
  array += big_endian(std::uint32_t{has_null});
  array += big_endian(element_type);
  array += big_endian(static_cast<std::uint32_t>(values.size()));
  array += big_endian(std::uint32_t{1});
  for (const auto& each : values) {
    array += big_endian(each ? static_cast<std::uint32_t>(each->size())
                             : ~std::uint32_t{0});
    if (each)
      array += *each;
  }
  values_.push_back(std::move(array));
  return *this;
}

void column::small(std::int16_t value) {
  values_.emplace_back(big_endian(static_cast<std::uint16_t>(value)));
}

void column::integer(std::int32_t value) {
  values_.emplace_back(big_endian(static_cast<std::uint32_t>(value)));
}

void column::big(std::int64_t value) {
  values_.emplace_back(big_endian(static_cast<std::uint64_t>(value)));
}

void rows::clear(pg_result* answer) {
  PQclear(answer);
}

int rows::count() const {
  return PQntuples(answer_.get());
}

bool rows::is_null(int row, int at) const {
  return PQgetisnull(answer_.get(), row, at) != 0;
}

std::string_view rows::bytes(int row, int at) const {
  return {PQgetvalue(answer_.get(), row, at),
          static_cast<std::size_t>(PQgetlength(answer_.get(), row, at))};
}

std::int64_t rows::integer(int row, int at) const {
  const auto raw = bytes(row, at);
  // Of whatever width, with its sign.
  std::uint64_t value =
    !raw.empty() && (raw[0] & 0x80) != 0 && raw.size() > 1 ? ~0ull : 0;
  for (const char each : raw)
    value = value << 8 | static_cast<std::uint8_t>(each);
  return static_cast<std::int64_t>(value);
}

bool is_split_by_its_password(std::string_view uri) {
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos)
    return false;
  uri.remove_prefix(scheme + 3);
  const auto at = uri.find('@');
  if (at == std::string_view::npos)
    return false;
  const auto end = uri.find_first_of("/?#");
  if (end > at)
    return uri.substr(0, end).find('@', at + 1) != std::string_view::npos;
  // One of the parameters behind the database may have it.
  const auto parameters = uri.find('?');
  return parameters > at
      || uri.substr(parameters, at - parameters).find('=')
           == std::string_view::npos;
}

bool is_understood(const std::string& uri) {
  // What it says of a mistake may quote the password.
  char* why = nullptr;
  auto* const options = PQconninfoParse(uri.c_str(), &why);
  PQfreemem(why);
  PQconninfoFree(options);
  return options != nullptr;
}

connection::connection(const std::string& uri,
                       std::chrono::milliseconds patience, bool any)
    : patience_{patience} {
  // The keep-alives end a connection whose server has vanished.
  const std::array keys{
    "dbname",           "connect_timeout",  "target_session_attrs",
    "client_encoding",  "keepalives_idle",  "keepalives_interval",
    "keepalives_count", "tcp_user_timeout", static_cast<const char*>(nullptr)};
  const std::array values{
    uri.c_str(), "2",     any ? "any" : "primary",          "UTF8", "5", "2",
    "3",         "10000", static_cast<const char*>(nullptr)};
  handle_ = PQconnectdbParams(keys.data(), values.data(), 1);
  if (PQstatus(handle_) != CONNECTION_OK) {
    const auto why = first_line(PQerrorMessage(handle_));
    PQfinish(handle_);
    const bool is_away = may_come_back(why);
    throw failure{
      "the database cannot be reached (" + why + "); "
        + (is_away ? "trying again may help" : "trying again does not help"),
      {},
      false,
      is_away};
  }
  PQsetnonblocking(handle_, 1);
  PQsetNoticeProcessor(
    handle_, [](void*, const char*) {}, nullptr);
  PQenterPipelineMode(handle_);
}

connection::~connection() {
  PQfinish(handle_);
}

int connection::process() const {
  return PQbackendPID(handle_);
}

void connection::fail_lost() {
  throw failure{"the connection to the database was lost ("
                  + first_line(PQerrorMessage(handle_))
                  + "); trying again may help",
                {},
                true};
}

void connection::wait(bool for_writing) {
  pollfd socket{PQsocket(handle_),
                static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
  if (::poll(&socket, 1, static_cast<int>(patience_.count())) <= 0)
    fail_lost();
}

void connection::flush() {
  for (;;) {
    const int left = PQflush(handle_);
    if (left == 0)
      return;
    if (left < 0)
      fail_lost();
    // What the server says meanwhile must be read, or both would wait.
    wait(true);
    if (PQconsumeInput(handle_) == 0)
      fail_lost();
  }
}

pg_result* connection::next() {
  while (PQisBusy(handle_) != 0) {
    wait(false);
    if (PQconsumeInput(handle_) == 0)
      fail_lost();
  }
  return PQgetResult(handle_);
}

void connection::add(const statement& which, const parameters& values) {
  std::vector<const char*> given;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& each : values.values()) {
    given.push_back(each ? each->data() : nullptr);
    lengths.push_back(each ? static_cast<int>(each->size()) : 0);
    formats.push_back(1);
  }
  if (PQsendQueryPrepared(handle_, which.name, static_cast<int>(given.size()),
                          given.data(), lengths.data(), formats.data(), 1)
      == 0)
    fail_lost();
  ++pending_;
}

std::vector<rows> connection::sync() {
  if (PQpipelineSync(handle_) == 0)
    fail_lost();
  flush();
  return collect(std::exchange(pending_, 0));
}

std::vector<rows> connection::collect(std::size_t count) {
  std::vector<rows> answers;
  std::optional<failure> failed;
  for (std::size_t at = 0; at < count; ++at) {
    auto* const answer = next();
    if (answer == nullptr)
      fail_lost();
    rows held{answer};
    const auto status = PQresultStatus(answer);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK
        && status != PGRES_PIPELINE_ABORTED && !failed) {
      const char* state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
      failed.emplace(
        "the database refused it ("
          + first_line(PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY))
          + ", SQLSTATE " + (state == nullptr ? "none" : state)
          + "); trying again may help",
        state == nullptr ? "" : state, PQstatus(handle_) != CONNECTION_OK);
    }
    answers.push_back(std::move(held));
    // A null ends the answer to each statement.
    if (auto* const end = next(); end != nullptr)
      PQclear(end);
  }
  auto* const end = next();
  if (end == nullptr)
    fail_lost();
  const bool is_end = PQresultStatus(end) == PGRES_PIPELINE_SYNC;
  PQclear(end);
  if (failed)
    throw *std::move(failed);
  if (!is_end)
    fail_lost();
  return answers;
}

rows connection::query(const statement& which, const parameters& values) {
  add(which, values);
  return sync().front();
}

void connection::run(const std::vector<std::string>& sql) {
  for (const auto& each : sql) {
    if (PQsendQueryParams(handle_, each.c_str(), 0, nullptr, nullptr, nullptr,
                          nullptr, 0)
        == 0)
      fail_lost();
    ++pending_;
  }
  sync();
}

std::string connection::ask(const std::string& sql) {
  if (PQsendQueryParams(handle_, sql.c_str(), 0, nullptr, nullptr, nullptr,
                        nullptr, 0)
      == 0)
    fail_lost();
  ++pending_;
  const auto answer = sync().front();
  return answer.count() > 0 ? std::string{answer.bytes(0, 0)} : std::string{};
}

void connection::prepare(std::span<const statement> statements) {
  for (const auto& each : statements) {
    if (PQsendPrepare(handle_, each.name, each.sql.c_str(), 0, nullptr) == 0)
      fail_lost();
    ++pending_;
  }
  sync();
}

} // namespace handoff::postgres
