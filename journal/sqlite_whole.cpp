// A journal of SQLite that is read or filled as a whole.

#include "journal/copied_row.hpp"
#include "journal/journal_copy.hpp"
#include "journal/sqlite_handle.hpp"
#include "journal/sqlite_journal.hpp"
#include "journal/sqlite_reader.hpp"
#include "journal/sqlite_schema.hpp"

#include <stdexcept>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using sqlite::event_key;
using sqlite::statement;
using sqlite::transaction;

/// The journal itself is open besides: so nobody else has it, and its schema is
/// there.
std::unique_ptr<sqlite_journal> opened(const std::string& path) {
  sqlite_journal_options options;
  options.path = path;
  auto made = sqlite_journal::open(std::move(options));
  if (const auto* failed = std::get_if<error>(&made))
    throw std::runtime_error{failed->detail};
  return std::get<std::unique_ptr<sqlite_journal>>(std::move(made));
}

std::vector<std::uint8_t> bytes_of(std::span<const std::uint8_t> blob) {
  return {blob.begin(), blob.end()};
}

class whole_sqlite final : public whole_journal {
public:
  explicit whole_sqlite(const std::string& path)
      : holder_{opened(path)}, on_{path, std::string{}} {
    sqlite::prepare_to_write(on_);
  }

  bool is_empty() override {
    return on_.ask("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM "
                   "idempotency_keys)")
        == 0;
  }

  std::vector<copied_job> jobs_after(const std::string& after,
                                     std::size_t limit) override {
    statement jobs{on_, "SELECT no, id, flow FROM jobs WHERE id > ? ORDER BY "
                        "id LIMIT ?"};
    statement events{on_, "SELECT payload FROM events WHERE key BETWEEN ? AND "
                          "? ORDER BY key"};
    std::vector<copied_job> found;
    auto rows =
      jobs.query(std::string_view{after}, static_cast<std::int64_t>(limit));
    while (rows.next()) {
      copied_job each{std::string{rows.text(1)}, std::string{rows.text(2)}, {}};
      const auto no = rows.integer(0);
      auto payloads =
        events.query(event_key::first_of(no), event_key::last_of(no));
      while (payloads.next())
        each.events.push_back(bytes_of(payloads.blob(0)));
      found.push_back(std::move(each));
    }
    return found;
  }

  std::vector<copied_key> keys() override {
    statement keys{on_, "SELECT flow, key, job, fingerprint, expires FROM "
                        "idempotency_keys"};
    std::vector<copied_key> found;
    auto rows = keys.query();
    while (rows.next())
      found.push_back({std::string{rows.text(0)}, std::string{rows.text(1)},
                       std::string{rows.text(2)}, std::string{rows.text(3)},
                       rows.integer(4)});
    return found;
  }

  std::vector<copied_definition> definitions() override {
    statement all{on_, "SELECT version, definition FROM flow_definitions"};
    std::vector<copied_definition> found;
    auto rows = all.query();
    while (rows.next())
      found.push_back({std::string{rows.text(0)}, bytes_of(rows.blob(1))});
    return found;
  }

  void add(const std::vector<copied_job>& jobs) override {
    begin();
    statement insert{on_, "INSERT INTO jobs (no, id, flow, status, uid, "
                          "received, finished, calling_back) VALUES (?, ?, ?, "
                          "?, ?, ?, ?, ?)"};
    statement event{on_, "INSERT INTO events (key, payload) VALUES (?, ?)"};
    for (const auto& each : jobs) {
      const auto made = row_of(each);
      const auto row = made.row();
      std::string storage;
      const auto no = ++last_no_;
      insert.run(no, std::string_view{each.id}, std::string_view{each.flow},
                 static_cast<std::int64_t>(row.status),
                 sqlite::uid_value(made.record.clone.uid, storage),
                 ms_since_1970(made.record.hook.received), row.finished,
                 std::int64_t{row.calling_back});
      auto key = event_key::first_of(no);
      for (const auto& payload : each.events)
        event.run(key++, std::span<const std::uint8_t>{payload});
    }
  }

  void add(const std::vector<copied_key>& keys) override {
    begin();
    statement insert{on_, "INSERT INTO idempotency_keys (flow, key, job, "
                          "fingerprint, expires) VALUES (?, ?, ?, ?, ?)"};
    for (const auto& each : keys)
      insert.run(std::string_view{each.flow}, std::string_view{each.key},
                 std::string_view{each.job}, std::string_view{each.fingerprint},
                 each.expires);
  }

  void add(const std::vector<copied_definition>& definitions) override {
    begin();
    statement insert{on_, "INSERT INTO flow_definitions (version, definition) "
                          "VALUES (?, ?)"};
    for (const auto& each : definitions)
      insert.run(std::string_view{each.version},
                 std::span<const std::uint8_t>{each.definition});
  }

  void commit() override {
    begin();
    filling_->commit();
    filling_.reset();
  }

private:
  void begin() {
    if (!filling_)
      filling_ =
        std::make_unique<transaction>(on_, transaction::purpose::write);
  }

  std::unique_ptr<sqlite_journal> holder_;
  sqlite::connection on_;
  std::unique_ptr<transaction> filling_;
  std::int64_t last_no_ = 0;
};

} // namespace

std::unique_ptr<whole_journal> open_whole_sqlite(const std::string& path) {
  return std::make_unique<whole_sqlite>(path);
}

} // namespace handoff
