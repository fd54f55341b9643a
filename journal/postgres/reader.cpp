#include "journal/postgres/reader.hpp"

#include "job/job_id.hpp"
#include "job/json_text.hpp"
#include "job/rfc3339.hpp"
#include "journal/job_codec.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace handoff::postgres {
namespace {

const std::array statements{
  statement{"events_of",
            "SELECT j.flow, e.payload FROM jobs j JOIN events e ON "
            "e.job = j.id WHERE j.id = $1::uuid ORDER BY e.row"},
  statement{"list",
            "SELECT id, flow, status::int8, uid, uid_number, received, "
            "finished FROM jobs WHERE ($1::uuid IS NULL OR id < $1) AND "
            "id >= $6::uuid AND ($3::text IS NULL OR flow = $3) AND "
            "($4::bytea IS NULL OR uid = $4) AND "
            "($5::int8 IS NULL OR received >= $5) AND "
            "($7::int8 IS NULL OR status = $7) "
            "ORDER BY id DESC LIMIT $2::int8"},
  statement{"unfinished", "SELECT id FROM jobs WHERE owner IS NOT NULL AND "
                          "($1::uuid IS NULL OR id < $1) ORDER BY id DESC "
                          "LIMIT $2::int8"},
  statement{"count", "SELECT count(*) FROM jobs WHERE owner IS NOT NULL"},
  statement{"key", "SELECT job, fingerprint, expires FROM idempotency_keys "
                   "WHERE flow = $1::text AND key = $2::bytea AND expires > "
                   "$3::int8"},
  statement{"definition", "SELECT definition FROM flow_definitions WHERE "
                          "version = $1::text"},
  // The size of files never falls; who forgets until it does would forget
  // everything.
  statement{"bytes",
            "SELECT coalesce((SELECT sum(pg_column_size(payload)) FROM "
            "(SELECT payload FROM events LIMIT 1000) s)::int8, 0) * "
            "(SELECT count(*) FROM events) / "
            "greatest((SELECT count(*) FROM (SELECT 1 FROM events LIMIT 1000) "
            "c), 1)"},
};

const statement& named(std::string_view name) {
  return *std::find_if(
    statements.begin(), statements.end(),
    [&](const statement& each) { return each.name == name; });
}

wall_time time_from(std::int64_t ms) {
  return wall_time_at(std::chrono::milliseconds{ms});
}

std::string bits_of(std::string_view job) {
  return uuid_of(job).value_or(std::string(16, '\0'));
}

job_summary summary_in(const rows& from, int row) {
  job_summary summary;
  summary.id = job_of(from.bytes(row, 0));
  summary.flow = from.bytes(row, 1);
  summary.status = static_cast<job_status>(from.integer(row, 2));
  if (!from.is_null(row, 3)) {
    const std::string uid{from.bytes(row, 3)};
    if (from.integer(row, 4) == 0) {
      summary.uid = uid;
    } else {
      summary.uid = nlohmann::json::parse(uid, nullptr, false);
      if (!summary.uid.is_number_integer())
        summary.uid = big_integer(uid);
    }
  }
  summary.received = time_from(from.integer(row, 5));
  if (!from.is_null(row, 6))
    summary.finished = time_from(from.integer(row, 6));
  return summary;
}

} // namespace

reader::reader(std::shared_ptr<connection> on) : on_{std::move(on)} {
  on_->prepare(statements);
}

std::optional<stored_job> reader::load(std::string_view id) {
  const auto bits = uuid_of(id);
  if (!bits)
    return std::nullopt;
  const auto found = on_->query(named("events_of"), parameters{}.bytes(*bits));
  if (found.count() == 0)
    return std::nullopt;
  stored_job known;
  known.rows = found.count();
  const std::string job{id};
  try {
    for (int row = 0; row < found.count(); ++row) {
      const auto payload = found.bytes(row, 1);
      const std::span bytes{
        reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
      for (const auto& event :
           decode(bytes, job, std::string{found.bytes(row, 0)}))
        apply(known.record, event);
    }
  } catch (const std::exception&) {
    throw failure{"the events of job " + job
                    + " are damaged; trying again does not help, restore the "
                      "journal from a backup",
                  {},
                  false};
  }
  return known;
}

result<std::optional<job>> reader::find(std::string_view id) {
  return guarded([&]() -> std::optional<job> {
    auto found = load(id);
    if (!found || found->record.id.empty())
      return std::nullopt;
    return std::move(found->record);
  });
}

result<job_page> reader::list(const job_query& query) {
  return guarded([&] {
    parameters given;
    std::optional<std::string> before;
    if (!query.before.empty())
      before = bits_of(query.before);
    given.bytes(before);
    given.integer(static_cast<std::int64_t>(query.limit + 1));
    given.bytes(query.flow.empty()
                  ? std::nullopt
                  : std::optional<std::string_view>{query.flow});
    given.bytes(query.uid.empty() ? std::nullopt
                                  : std::optional<std::string_view>{query.uid});
    std::string lowest(16, '\0');
    if (query.since) {
      // An id is made when its job was received; a minute is for clocks that
      // are set back.
      const auto from =
        std::max(*query.since - std::chrono::minutes{1}, wall_time{});
      lowest = bits_of(job_id_from(from, {}));
      given.integer(ms_since_1970(*query.since));
    } else {
      given.integer(std::nullopt);
    }
    given.bytes(lowest);
    given.integer(query.status
                    ? std::optional{static_cast<std::int64_t>(*query.status)}
                    : std::nullopt);
    const auto found = on_->query(named("list"), given);
    job_page page;
    for (int row = 0; row < found.count(); ++row) {
      if (page.jobs.size() == query.limit) {
        page.next = page.jobs.back().id;
        break;
      }
      page.jobs.push_back(summary_in(found, row));
    }
    return page;
  });
}

result<std::vector<job>> reader::unfinished(std::string_view before,
                                            std::size_t limit) {
  return guarded([&] {
    std::optional<std::string> older;
    if (!before.empty())
      older = bits_of(before);
    const auto found = on_->query(
      named("unfinished"),
      parameters{}.bytes(older).integer(static_cast<std::int64_t>(limit)));
    std::vector<job> jobs;
    for (int row = 0; row < found.count(); ++row)
      if (auto known = load(job_of(found.bytes(row, 0))))
        jobs.push_back(std::move(known->record));
    return jobs;
  });
}

result<std::uint64_t> reader::count_unfinished() {
  return guarded([&] {
    return static_cast<std::uint64_t>(
      on_->query(named("count"), {}).integer(0, 0));
  });
}

result<std::optional<key_holder>>
reader::find_key(std::string_view flow, std::string_view key, wall_time now) {
  return guarded([&]() -> std::optional<key_holder> {
    const auto found = on_->query(
      named("key"),
      parameters{}.bytes(flow).bytes(key).integer(ms_since_1970(now)));
    if (found.count() == 0)
      return std::nullopt;
    return key_holder{job_of(found.bytes(0, 0)),
                      {std::string{key}, std::string{found.bytes(0, 1)},
                       time_from(found.integer(0, 2))}};
  });
}

result<std::optional<nlohmann::json>>
reader::flow_definition(std::string_view version) {
  return guarded([&]() -> std::optional<nlohmann::json> {
    const auto found =
      on_->query(named("definition"), parameters{}.bytes(version));
    if (found.count() == 0)
      return std::nullopt;
    const auto bytes = found.bytes(0, 0);
    auto definition =
      nlohmann::json::from_cbor(bytes.begin(), bytes.end(), true, false,
                                nlohmann::json::cbor_tag_handler_t::store);
    if (definition.is_discarded())
      throw failure{"a flow's definition is damaged; trying again does not "
                    "help, restore the journal from a backup",
                    {},
                    false};
    return definition;
  });
}

result<std::uint64_t> reader::bytes() {
  return guarded([&] {
    return static_cast<std::uint64_t>(
      on_->query(named("bytes"), {}).integer(0, 0));
  });
}

} // namespace handoff::postgres
