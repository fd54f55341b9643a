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
            "SELECT j.flow, e.payload, coalesce(j.owner, 0) FROM jobs j JOIN "
            "events e ON "
            "e.job = j.id WHERE j.id = $1::uuid ORDER BY e.row"},
  statement{"list",
            "SELECT id, flow, status::int8, uid, uid_number, received, "
            "finished FROM jobs WHERE ($1::uuid IS NULL OR id < $1) AND "
            "id >= $6::uuid AND ($3::text IS NULL OR flow = $3) AND "
            "($4::bytea IS NULL OR uid = $4) AND "
            "($5::int8 IS NULL OR received >= $5) AND "
            "($7::int8 IS NULL OR status = $7) "
            "ORDER BY id DESC LIMIT $2::int8"},
  // Of these there are few: an index has them, see the schema.
  statement{"list_problem",
            "SELECT id, flow, status::int8, uid, uid_number, received, "
            "finished FROM jobs WHERE ($1::uuid IS NULL OR id < $1) AND "
            "id >= $6::uuid AND ($3::text IS NULL OR flow = $3) AND "
            "($4::bytea IS NULL OR uid = $4) AND "
            "($5::int8 IS NULL OR received >= $5) AND "
            "problem = $7::int8::int2 "
            "ORDER BY id DESC LIMIT $2::int8"},
  statement{"list_open",
            "SELECT id, flow, status::int8, uid, uid_number, received, "
            "finished FROM jobs WHERE ($1::uuid IS NULL OR id < $1) AND "
            "id >= $6::uuid AND ($3::text IS NULL OR flow = $3) AND "
            "($4::bytea IS NULL OR uid = $4) AND "
            "($5::int8 IS NULL OR received >= $5) AND "
            "owner IS NOT NULL AND status = $7::int8 "
            "ORDER BY id DESC LIMIT $2::int8"},
  statement{"unfinished", "SELECT id FROM jobs WHERE owner IS NOT NULL AND "
                          "(status IN (1, 2) OR calling_back) AND "
                          "($1::uuid IS NULL OR id < $1) ORDER BY id DESC "
                          "LIMIT $2::int8"},
  statement{"count", "SELECT count(*) FROM jobs WHERE owner IS NOT NULL AND "
                     "(status IN (1, 2) OR calling_back)"},
  statement{"key", "SELECT job, fingerprint, expires FROM idempotency_keys "
                   "WHERE flow = $1::text AND key = $2::bytea AND expires > "
                   "$3::int8"},
  statement{"definition", "SELECT definition FROM flow_definitions WHERE "
                          "version = $1::text"},
  // The size of files never falls; who forgets until it does would forget
  // everything. To count the rows would take too long: the server's own count
  // is some seconds old.
  statement{"bytes",
            "SELECT coalesce(avg(pg_column_size(payload)) * "
            "greatest(count(*), (SELECT n_live_tup FROM pg_stat_all_tables "
            "WHERE relid = 'events'::regclass)), 0)::int8 FROM "
            "(SELECT payload FROM events LIMIT 1000) sample"},
  statement{"has", "SELECT 1 FROM jobs WHERE id = $1::uuid"},
  statement{"past_clone",
            "SELECT u.id FROM unnest($1::uuid[]) AS u(id) LEFT JOIN jobs j "
            "ON j.id = u.id WHERE j.id IS NULL OR j.status <> 1"},
  statement{"nodes",
            "SELECT n.no, n.name, n.state::int8, n.release, "
            "floor(extract(epoch FROM n.started) * 1000)::int8, "
            "coalesce(greatest(0, ceil(extract(epoch FROM l.until - "
            "clock_timestamp()) * 1000)), 0)::int8, "
            "(SELECT count(*) FROM jobs j WHERE j.owner = n.no) "
            "FROM nodes n LEFT JOIN leases l ON l.node = n.no WHERE "
            "n.state < 4 OR n.ended > clock_timestamp() - interval '1 hour' "
            "ORDER BY n.no"},
};

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

template <class Action>
auto reader::read(Action&& action) -> result<std::invoke_result_t<Action>> {
  if (!connect_)
    return guarded(std::forward<Action>(action));
  // One that was idle may be gone without anybody having heard of it.
  for (bool was_open = on_ != nullptr;; was_open = false) {
    try {
      if (!on_) {
        auto made = connect_();
        made->prepare(statements);
        on_ = std::move(made);
      }
      return action();
    } catch (const failure& caught) {
      if (caught.is_lost)
        on_.reset();
      if (!caught.is_lost || !was_open)
        return error{error_kind::journal_unavailable, caught.what()};
    }
  }
}

bool reader::has(std::string_view id) {
  const auto bits = uuid_of(id);
  return bits
      && on_->query(named(statements, "has"), parameters{}.bytes(*bits)).count()
           > 0;
}

std::optional<stored_job> reader::load(std::string_view id) {
  const auto bits = uuid_of(id);
  if (!bits)
    return std::nullopt;
  const auto found =
    on_->query(named(statements, "events_of"), parameters{}.bytes(*bits));
  if (found.count() == 0)
    return std::nullopt;
  stored_job known;
  known.no = found.integer(0, 2);
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
  return read([&]() -> std::optional<job> {
    auto found = load(id);
    if (!found || found->record.id.empty())
      return std::nullopt;
    return std::move(found->record);
  });
}

result<job_page> reader::list(const job_query& query) {
  return read([&] {
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
    const auto* const which = !query.status ? "list"
                            : *query.status == job_status::cloning
                                  || *query.status == job_status::running
                              ? "list_open"
                            : *query.status == job_status::succeeded
                              ? "list"
                              : "list_problem";
    const auto found = on_->query(named(statements, which), given);
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
  return read([&] {
    std::optional<std::string> older;
    if (!before.empty())
      older = bits_of(before);
    const auto found = on_->query(
      named(statements, "unfinished"),
      parameters{}.bytes(older).integer(static_cast<std::int64_t>(limit)));
    std::vector<job> jobs;
    for (int row = 0; row < found.count(); ++row)
      if (auto known = load(job_of(found.bytes(row, 0))))
        jobs.push_back(std::move(known->record));
    return jobs;
  });
}

result<std::uint64_t> reader::count_unfinished() {
  return read([&] {
    return static_cast<std::uint64_t>(
      on_->query(named(statements, "count"), {}).integer(0, 0));
  });
}

result<std::optional<key_holder>>
reader::find_key(std::string_view flow, std::string_view key, wall_time now) {
  return read([&]() -> std::optional<key_holder> {
    const auto found = on_->query(
      named(statements, "key"),
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
  return read([&]() -> std::optional<nlohmann::json> {
    const auto found =
      on_->query(named(statements, "definition"), parameters{}.bytes(version));
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
  return read([&] {
    return static_cast<std::uint64_t>(
      on_->query(named(statements, "bytes"), {}).integer(0, 0));
  });
}

result<std::vector<std::string>>
reader::past_clone(std::span<const std::string> jobs) {
  return read([&] {
    column ids{uuid_type};
    for (const auto& each : jobs)
      ids.bytes(bits_of(each));
    parameters given;
    ids.add_to(given);
    const auto found = on_->query(named(statements, "past_clone"), given);
    std::vector<std::string> past;
    for (int row = 0; row < found.count(); ++row)
      past.push_back(job_of(found.bytes(row, 0)));
    return past;
  });
}

result<std::vector<node_summary>> reader::nodes() {
  return read([&] {
    const auto found = on_->query(named(statements, "nodes"), {});
    std::vector<node_summary> all;
    for (int row = 0; row < found.count(); ++row) {
      node_summary each;
      each.number = found.integer(row, 0);
      each.name = found.bytes(row, 1);
      each.state = found.integer(row, 2) == 1 ? node_state::working
                 : found.integer(row, 2) == 2 ? node_state::leaving
                                              : node_state::dead;
      each.version = found.bytes(row, 3);
      each.started = time_from(found.integer(row, 4));
      if (each.state != node_state::dead)
        each.lease_left = std::chrono::milliseconds{found.integer(row, 5)};
      each.jobs = static_cast<std::uint64_t>(found.integer(row, 6));
      all.push_back(std::move(each));
    }
    return all;
  });
}

} // namespace handoff::postgres
