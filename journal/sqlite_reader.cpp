#include "journal/sqlite_reader.hpp"

#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "job/rfc3339.hpp"
#include "journal/job_codec.hpp"

#include <algorithm>
#include <limits>

namespace handoff::sqlite {
namespace {

using std::chrono::milliseconds;

// Every one of these is a job that a start takes up again: the two states are
// two ranges of one index, those which only call back are another, and each is
// read from its newest end.
constexpr std::string_view unfinished_sql = R"sql(
SELECT * FROM (SELECT no, id, flow FROM jobs
  WHERE status = 1 AND status <> 3 AND (?1 IS NULL OR id < ?1)
  AND no < ?3
  ORDER BY id DESC LIMIT ?2)
UNION ALL
SELECT * FROM (SELECT no, id, flow FROM jobs
  WHERE status = 2 AND status <> 3 AND (?1 IS NULL OR id < ?1)
  AND no < ?3
  ORDER BY id DESC LIMIT ?2)
UNION ALL
SELECT * FROM (SELECT no, id, flow FROM jobs
  WHERE calling_back = 1 AND status NOT IN (1, 2)
  AND (?1 IS NULL OR id < ?1) AND no < ?3
  ORDER BY id DESC LIMIT ?2)
ORDER BY id DESC LIMIT ?2
)sql";

job_summary summary_in(const rows& row) {
  job_summary summary;
  summary.id = row.text(0);
  summary.flow = row.text(1);
  summary.status = static_cast<job_status>(row.integer(2));
  if (row.is_integer(3))
    summary.uid = row.integer(3);
  else if (row.is_blob(3))
    summary.uid = big_integer(row.text(3));
  else if (!row.is_null(3))
    summary.uid = std::string{row.text(3)};
  summary.received = wall_time_at(milliseconds{row.integer(4)});
  if (!row.is_null(5))
    summary.finished = wall_time_at(milliseconds{row.integer(5)});
  return summary;
}

} // namespace

reader::reader(std::shared_ptr<connection> on)
    : on_{std::move(on)},
      by_id_{*on_, "SELECT no, id, flow FROM jobs WHERE id = ?"},
      events_of_{*on_, "SELECT payload FROM events WHERE key BETWEEN ? AND ? "
                       "ORDER BY key"},
      unfinished_{*on_, unfinished_sql},
      count_{*on_, "SELECT (SELECT count(*) FROM jobs WHERE status IN (1, 2) "
                   "AND status <> 3) + (SELECT count(*) FROM jobs WHERE "
                   "calling_back = 1 AND status NOT IN (1, 2))"},
      by_key_{*on_, "SELECT job, fingerprint, expires FROM idempotency_keys "
                    "WHERE flow = ? AND key = ? AND expires > ?"},
      definition_{*on_,
                  "SELECT definition FROM flow_definitions WHERE version = ?"},
      used_pages_{*on_, "SELECT (page_count - freelist_count) * page_size FROM "
                        "pragma_page_count, pragma_freelist_count, "
                        "pragma_page_size"} {}

stored_job reader::fold(std::int64_t no, std::string id, std::string flow) {
  stored_job found;
  found.no = no;
  auto rows = events_of_.query(event_key::first_of(no), event_key::last_of(no));
  try {
    for (; rows.next(); ++found.rows)
      for (const auto& event : decode(rows.blob(0), id, flow))
        apply(found.record, event);
  } catch (const failure&) {
    throw;
  } catch (const std::exception&) {
    // What the checks of the disk and of SQLite let through.
    throw failure{"the events of job " + id
                  + " are damaged; trying again does not help, restore the "
                    "journal from a backup"};
  }
  return found;
}

std::optional<stored_job> reader::load(std::string_view id) {
  auto row = by_id_.query(id);
  if (!row.next())
    return std::nullopt;
  return fold(row.integer(0), std::string{row.text(1)},
              std::string{row.text(2)});
}

result<std::optional<job>> reader::find(std::string_view id) {
  return guarded([&]() -> std::optional<job> {
    // Its row and its events as they were at one moment. `load` itself holds
    // its first query open until its second has ended.
    auto found = load(id);
    if (!found || found->record.id.empty())
      return std::nullopt;
    return std::move(found->record);
  });
}

statement& reader::list_statement(const std::string& where) {
  const auto known = lists_.find(where);
  if (known != lists_.end())
    return known->second;
  const auto sql =
    "SELECT id, flow, status, uid, received, finished FROM jobs WHERE "
    "(?1 IS NULL OR id < ?1)"
    + where + " ORDER BY id DESC LIMIT ?2";
  return lists_.emplace(where, statement{*on_, sql}).first->second;
}

result<job_page> reader::list(const job_query& query) {
  return guarded([&] {
    std::string where = " AND id >= ?6";
    std::optional<std::string_view> before;
    if (!query.before.empty())
      before = query.before;
    // An id is made when its job was received, so that ids bound times from
    // below; a minute is for clocks that are set back.
    std::string since_id;
    if (!query.flow.empty())
      where += " AND flow = ?3";
    if (!query.uid.empty())
      where += " AND uid IS NOT NULL AND CAST(uid AS TEXT) = ?4";
    if (query.since) {
      const auto from =
        std::max(*query.since - std::chrono::minutes{1}, wall_time{});
      since_id = job_id_from(from, {}).substr(0, 10);
      where += " AND received >= ?5";
    }
    if (query.status) {
      // As a literal, for the index with the condition to be seen.
      where +=
        " AND status = " + std::to_string(static_cast<unsigned>(*query.status));
      if (*query.status != job_status::succeeded)
        where += " AND status <> 3";
    }
    const std::string_view flow = query.flow;
    const std::string_view uid = query.uid;
    const std::string_view lowest = since_id;
    auto rows = list_statement(where).query(
      before, static_cast<std::int64_t>(query.limit + 1), flow, uid,
      ms_since_1970(query.since.value_or(wall_time{})), lowest);
    job_page page;
    while (rows.next()) {
      if (page.jobs.size() == query.limit) {
        page.next = page.jobs.back().id;
        break;
      }
      page.jobs.push_back(summary_in(rows));
    }
    return page;
  });
}

result<std::vector<job>> reader::unfinished(std::string_view before,
                                            std::size_t limit) {
  return guarded([&] {
    return unfinished_of(std::numeric_limits<std::int64_t>::max(), before,
                         limit);
  });
}

std::vector<job> reader::unfinished_of(std::int64_t first_no,
                                       std::string_view before,
                                       std::size_t limit) {
  std::optional<std::string_view> older;
  if (!before.empty())
    older = before;
  std::vector<job> found;
  // The query stays open, and with it one moment's view, while the events of
  // what it names are read.
  auto rows =
    unfinished_.query(older, static_cast<std::int64_t>(limit), first_no);
  while (rows.next())
    found.push_back(fold(rows.integer(0), std::string{rows.text(1)},
                         std::string{rows.text(2)})
                      .record);
  return found;
}

result<std::uint64_t> reader::count_unfinished() {
  return guarded([&] {
    auto rows = count_.query();
    rows.next();
    return static_cast<std::uint64_t>(rows.integer(0));
  });
}

result<std::optional<key_holder>>
reader::find_key(std::string_view flow, std::string_view key, wall_time now) {
  return guarded([&]() -> std::optional<key_holder> {
    auto rows = by_key_.query(flow, key, ms_since_1970(now));
    if (!rows.next())
      return std::nullopt;
    return key_holder{std::string{rows.text(0)},
                      {std::string{key}, std::string{rows.text(1)},
                       wall_time_at(milliseconds{rows.integer(2)})}};
  });
}

result<std::optional<nlohmann::json>>
reader::flow_definition(std::string_view version) {
  return guarded([&]() -> std::optional<nlohmann::json> {
    auto rows = definition_.query(version);
    if (!rows.next())
      return std::nullopt;
    const auto bytes = rows.blob(0);
    auto definition =
      nlohmann::json::from_cbor(bytes.begin(), bytes.end(), true, false,
                                nlohmann::json::cbor_tag_handler_t::store);
    if (definition.is_discarded())
      throw failure{"a flow's definition is damaged; trying again does not "
                    "help, restore the journal from a backup"};
    return definition;
  });
}

result<std::uint64_t> reader::bytes() {
  return guarded([&] {
    // Without the log: its size is bounded and nothing forgotten lowers it,
    // so that who forgets until this is low enough would forget everything.
    auto rows = used_pages_.query();
    rows.next();
    return static_cast<std::uint64_t>(rows.integer(0));
  });
}

value uid_value(const nlohmann::json& uid, std::string& storage) {
  constexpr std::uint64_t integer_max =
    std::numeric_limits<std::int64_t>::max();
  if (uid.is_string())
    return std::string_view{uid.get_ref<const std::string&>()};
  if (is_big_integer(uid)
      || (uid.is_number_unsigned() && uid.get<std::uint64_t>() > integer_max)) {
    storage = json_text(uid);
    return std::span{reinterpret_cast<const std::uint8_t*>(storage.data()),
                     storage.size()};
  }
  if (uid.is_number_integer())
    return uid.get<std::int64_t>();
  return nullptr;
}

} // namespace handoff::sqlite
