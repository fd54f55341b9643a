#include "journal/postgres/value_rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace handoff::postgres {
namespace {

const std::array statements{
  statement{"value_make", "INSERT INTO shared_values (name) VALUES ($1::text) "
                          "ON CONFLICT (name) DO NOTHING"},
  // The claim of a node that is dead is none.
  statement{"value_claim",
            "WITH found AS MATERIALIZED (SELECT v.version, v.bytes, v.version "
            "<= $2::int8 AND (v.holder IS NULL OR v.holder = $3::int8 OR "
            "v.until < clock_timestamp() OR NOT EXISTS (SELECT 1 FROM nodes n "
            "WHERE n.no = v.holder AND n.state < 3)) AS is_free FROM "
            "shared_values v WHERE v.name = $1::text FOR UPDATE OF v), "
            "taken AS (UPDATE shared_values v SET holder = $3, until = "
            "clock_timestamp() + $4::int8 * interval '1 ms' FROM found WHERE "
            "v.name = $1 AND found.is_free) "
            "SELECT version, bytes, is_free::int::int8 FROM found"},
  statement{"value_put",
            "UPDATE shared_values SET version = version + 1, bytes = "
            "$3::bytea, holder = NULL, changed = clock_timestamp() WHERE name "
            "= $1::text AND version = $2::int8 RETURNING version"},
  statement{"value_release",
            "UPDATE shared_values SET holder = NULL WHERE name = $1::text AND "
            "holder = $2::int8"},
  // Fails where this node is dead. See `writer::add_fence`; the session does
  // not matter, as each value has its version.
  statement{"value_fence",
            "SELECT 1 / count(*) FROM (SELECT 1 FROM nodes WHERE no = "
            "$1::int8 AND state < 3 FOR KEY SHARE) held"},
};

} // namespace

value_rows::value_rows(lasting_connection::connector connect, std::int64_t node)
    : on_{std::move(connect), statements}, node_{node} {}

void value_rows::add_fence(connection& on) const {
  on.add(named(statements, "value_fence"), parameters{}.integer(node_));
}

result<shared_values::value> value_rows::claim(std::string_view name,
                                               std::int64_t known,
                                               std::chrono::milliseconds time) {
  return on_.with([&](connection& on) {
    on.add(named(statements, "value_make"), parameters{}.bytes(name));
    on.add(named(statements, "value_claim"),
           parameters{}.bytes(name).integer(known).integer(node_).integer(
             time.count()));
    add_fence(on);
    const auto answers = on.sync();
    const auto& found = answers[1];
    value made;
    made.version = found.integer(0, 0);
    if (!found.is_null(0, 1))
      made.bytes = found.bytes(0, 1);
    made.is_claimed = found.integer(0, 2) != 0;
    return made;
  });
}

result<bool> value_rows::put(std::string_view name, std::int64_t before,
                             std::string_view bytes) {
  return on_.with([&](connection& on) {
    on.add(named(statements, "value_put"),
           parameters{}.bytes(name).integer(before).bytes(bytes));
    add_fence(on);
    return on.sync().front().count() > 0;
  });
}

std::optional<error> value_rows::release(std::string_view name) {
  const auto done = on_.with([&](connection& on) {
    on.query(named(statements, "value_release"),
             parameters{}.bytes(name).integer(node_));
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

} // namespace handoff::postgres
