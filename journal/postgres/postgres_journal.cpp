#include "journal/postgres/postgres_journal.hpp"

#include "job/retention.hpp"
#include "journal/postgres/journal_state.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using postgres::column;
using postgres::failure;
using postgres::job_of;
using postgres::parameters;
using postgres::statement;
using postgres::uuid_of;

/// What goes into one pipeline at the most.
constexpr std::size_t pipeline_batches_max = 1'000;
constexpr std::size_t pipeline_bytes_max = std::size_t{32} << 20;

const std::array statements{
  // The owners that are dead, and nobody.
  statement{"acquire",
            "WITH found AS MATERIALIZED (SELECT id FROM jobs WHERE owner = ANY "
            "(ARRAY(SELECT no FROM nodes WHERE state = 3 AND no <> $1::int8 "
            "UNION ALL SELECT 0)) AND ($3::uuid IS NULL OR id = $3) AND "
            "($3 IS NOT NULL OR id <> ALL ($4::uuid[])) "
            "ORDER BY id DESC LIMIT $2::int8 FOR UPDATE SKIP LOCKED) "
            "UPDATE jobs j SET owner = $1 FROM found WHERE j.id = found.id "
            "RETURNING j.id"},
  // Waits for the transaction of another node that has the row.
  statement{"claim",
            "UPDATE jobs SET owner = $1::int8 WHERE id = $2::uuid AND "
            "(owner IS NULL OR owner = 0 OR owner IN (SELECT no FROM nodes "
            "WHERE state >= 3)) RETURNING id"},
  statement{"claimed_by", "SELECT owner FROM jobs WHERE id = $1::uuid"},
  statement{"release", "UPDATE jobs SET owner = CASE WHEN status IN (1, 2) OR "
                       "calling_back THEN 0 END WHERE owner = $1::int8 AND id "
                       "= ANY ($2::uuid[]) RETURNING id"},
  statement{"owner_of", "SELECT j.owner FROM jobs j JOIN nodes n ON n.no = "
                        "j.owner AND n.state < 3 WHERE j.id = $1::uuid"},
  statement{"prune",
            "WITH old AS MATERIALIZED (SELECT id FROM jobs WHERE finished < "
            "$1::int8 AND owner IS NULL AND NOT calling_back AND status IN (3, "
            "4, 5) ORDER BY finished LIMIT $2::int8 FOR UPDATE SKIP LOCKED), "
            "e AS (DELETE FROM events USING old WHERE events.job = old.id), "
            "d AS (DELETE FROM jobs USING old WHERE jobs.id = old.id) "
            "SELECT id FROM old"},
  statement{"keys_prune",
            "DELETE FROM idempotency_keys WHERE (flow, key) IN (SELECT flow, "
            "key FROM idempotency_keys WHERE expires <= $1::int8 ORDER BY "
            "expires LIMIT $2::int8 FOR UPDATE SKIP LOCKED)"},
};

const statement& named(std::string_view name) {
  return *std::find_if(
    statements.begin(), statements.end(),
    [&](const statement& each) { return each.name == name; });
}

/// The value of a reader's answer; its error as a failure.
template <class T>
T value_of(result<T> given) {
  if (const auto* failed = std::get_if<error>(&given))
    throw failure{failed->detail, {}, false};
  return std::get<T>(std::move(given));
}

std::size_t bytes_of(std::span<const job_event> events) {
  std::size_t bytes = 0;
  for (const auto& each : events)
    if (const auto* accepted = std::get_if<job_accepted>(&each.change))
      bytes += accepted->record->hook.body.bytes().size();
  return bytes;
}

} // namespace

std::optional<error> validate(const postgres_journal_options& options) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (options.uri.empty())
    return error{error_kind::invalid_request, "uri: is empty"};
  if (postgres::is_split_by_its_password(options.uri))
    return error{error_kind::invalid_request,
                 "uri: the password has to be percent-encoded: @ is %40, / is "
                 "%2F, : is %3A"};
  if (!postgres::is_understood(options.uri))
    return error{error_kind::invalid_request,
                 "uri: PostgreSQL does not understand it"};
  if (options.schema.empty()
      || !std::all_of(options.schema.begin(), options.schema.end(), is_plain))
    return error{error_kind::invalid_request,
                 "schema: must consist of a-z, 0-9 and _"};
  if (options.lease < std::chrono::seconds{1})
    return error{error_kind::invalid_request, "lease: at least 1s"};
  return std::nullopt;
}

std::span<const statement> postgres_journal::state::statements() {
  return handoff::statements;
}

postgres_journal::postgres_journal(std::unique_ptr<state> kept)
    : state_{std::move(kept)} {}

postgres_journal::~postgres_journal() {
  state_->life->stop();
  // An orderly end: whoever takes over need not wait.
  state_->with_connection([&] {
    state_->rows->end(state_->owner.number);
    return true;
  });
}

result<std::unique_ptr<postgres_journal>>
postgres_journal::open(postgres_journal_options options) {
  if (auto wrong = validate(options))
    return *std::move(wrong);
  try {
    auto kept = std::make_unique<state>(std::move(options));
    kept->open();
    return std::unique_ptr<postgres_journal>{
      new postgres_journal{std::move(kept)}};
  } catch (const failure& why) {
    const bool is_away = why.is_away || why.is_lost;
    return error{is_away ? error_kind::overloaded
                         : error_kind::journal_unavailable,
                 why.what()};
  }
}

journal_owner postgres_journal::owner() const {
  return state_->owner;
}

std::shared_ptr<journal_group> postgres_journal::group() {
  return state_->life;
}

std::shared_ptr<shared_values> postgres_journal::values() {
  return state_->values;
}

std::vector<batch_outcome> postgres_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  const std::scoped_lock lock{state_->mutex};
  std::vector<batch_outcome> outcomes;
  while (!batches.empty()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < batches.size()
                                && count < pipeline_batches_max
                                && (count == 0 || bytes < pipeline_bytes_max);)
      bytes += bytes_of(batches[count++]);
    const auto part = batches.first(count);
    const bool is_nothing = std::all_of(
      part.begin(), part.end(), [](const auto& each) { return each.empty(); });
    auto done =
      is_nothing ? std::vector<batch_outcome>(count) : state_->commit(part);
    std::move(done.begin(), done.end(), std::back_inserter(outcomes));
    batches = batches.subspan(count);
  }
  return outcomes;
}

result<std::vector<job>> postgres_journal::acquire(const acquisition& wanted) {
  return state_->with_connection([&] {
    std::vector<job> taken;
    std::optional<std::string> one;
    if (!wanted.job.empty()) {
      one = uuid_of(wanted.job);
      if (!one)
        return taken;
    }
    column held_back{postgres::uuid_type};
    for (const auto& each : state_->held_back)
      held_back.bytes(uuid_of(each).value());
    parameters given;
    given.integer(state_->owner.number);
    given.integer(static_cast<std::int64_t>(wanted.limit));
    given.bytes(one);
    held_back.add_to(given);
    auto& writes = state_->writes;
    writes.on().add(named("acquire"), given);
    writes.add_fence();
    const auto found = writes.on().sync().front();
    for (int row = 0; row < found.count(); ++row) {
      const auto id = job_of(found.bytes(row, 0));
      state_->held_back.erase(id);
      // Another owner may have written it since.
      writes.forget(id);
      if (auto known = writes.reads().load(id))
        taken.push_back(std::move(known->record));
    }
    state_->life->took_over(taken.size());
    std::sort(
      taken.begin(), taken.end(),
      [](const job& left, const job& right) { return left.id > right.id; });
    return taken;
  });
}

result<std::optional<journal_owner>>
postgres_journal::claim(std::string_view job) {
  return state_->with_connection([&]() -> std::optional<journal_owner> {
    const auto bits = uuid_of(job);
    if (!bits)
      return std::nullopt;
    auto& writes = state_->writes;
    writes.on().add(named("claim"),
                    parameters{}.integer(state_->owner.number).bytes(*bits));
    writes.on().add(named("claimed_by"), parameters{}.bytes(*bits));
    writes.add_fence();
    const auto answers = writes.on().sync();
    if (answers.at(0).count() > 0) {
      state_->held_back.erase(std::string{job});
      // Another owner may have written it since.
      writes.forget(job);
    }
    const auto& found = answers.at(1);
    if (found.count() == 0)
      return std::nullopt;
    return journal_owner{found.integer(0, 0)};
  });
}

std::optional<error>
postgres_journal::release(std::span<const std::string> jobs, bool held_back) {
  const auto done = state_->with_connection([&] {
    column ids{postgres::uuid_type};
    for (const auto& each : jobs)
      if (const auto bits = uuid_of(each))
        ids.bytes(*bits);
    parameters given;
    given.integer(state_->owner.number);
    ids.add_to(given);
    auto& writes = state_->writes;
    writes.on().add(named("release"), given);
    writes.add_fence();
    const auto freed = writes.on().sync().front();
    for (int row = 0; row < freed.count(); ++row) {
      const auto id = job_of(freed.bytes(row, 0));
      writes.forget(id);
      if (held_back)
        state_->held_back.insert(id);
    }
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<journal_owner>>
postgres_journal::owner_of(std::string_view job) {
  return state_->with_connection([&]() -> std::optional<journal_owner> {
    const auto bits = uuid_of(job);
    if (!bits)
      return std::nullopt;
    const auto found =
      state_->writes.on().query(named("owner_of"), parameters{}.bytes(*bits));
    if (found.count() == 0)
      return std::nullopt;
    return journal_owner{found.integer(0, 0)};
  });
}

result<std::int64_t> postgres_journal::post_order(journal_owner to,
                                                  std::string_view job,
                                                  std::string_view command) {
  return state_->orders->post(to.number, job, command);
}

result<std::vector<posted_order>> postgres_journal::take_orders() {
  return state_->orders->take();
}

std::optional<error> postgres_journal::answer_order(std::int64_t number,
                                                    std::string_view answer) {
  return state_->orders->answer(number, answer);
}

result<std::optional<std::string>>
postgres_journal::take_answer(std::int64_t number) {
  return state_->orders->take_answer(number);
}

result<bool> postgres_journal::withdraw_order(std::int64_t number) {
  return state_->orders->withdraw(number);
}

std::optional<error> postgres_journal::check() {
  const auto done = state_->with_connection([&] {
    state_->writes.add_fence();
    state_->writes.on().sync();
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<job>> postgres_journal::find(std::string_view id) {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().find(id)); });
}

result<job_page> postgres_journal::list(const job_query& query) {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().list(query)); });
}

result<std::vector<job>> postgres_journal::unfinished(std::string_view before,
                                                      std::size_t limit) {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().unfinished(before, limit)); });
}

result<std::uint64_t> postgres_journal::count_unfinished() {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().count_unfinished()); });
}

result<std::optional<key_holder>>
postgres_journal::find_key(std::string_view flow, std::string_view key,
                           wall_time now) {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().find_key(flow, key, now)); });
}

result<std::optional<nlohmann::json>>
postgres_journal::flow_definition(std::string_view version) {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().flow_definition(version)); });
}

result<std::size_t> postgres_journal::prune(wall_time before, wall_time now,
                                            std::size_t limit) {
  return state_->with_connection([&] {
    const auto at_most = static_cast<std::int64_t>(limit);
    auto& writes = state_->writes;
    writes.on().add(
      named("prune"),
      parameters{}.integer(ms_since_1970(before)).integer(at_most));
    writes.on().add(named("keys_prune"),
                    parameters{}.integer(ms_since_1970(now)).integer(at_most));
    writes.add_fence();
    const auto old = writes.on().sync().front();
    for (int row = 0; row < old.count(); ++row)
      writes.forget(job_of(old.bytes(row, 0)));
    return static_cast<std::size_t>(old.count());
  });
}

result<std::uint64_t> postgres_journal::bytes() {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().bytes()); });
}

result<std::vector<node_summary>> postgres_journal::nodes() {
  return state_->with_connection(
    [&] { return value_of(state_->writes.reads().nodes()); });
}

result<bool> postgres_journal::maintain() {
  return false;
}

result<std::unique_ptr<journal_reader>> postgres_journal::open_reader() {
  return std::unique_ptr<journal_reader>{
    std::make_unique<postgres::reader>([kept = state_.get()] {
      auto own = kept->connect(kept->options.patience);
      own->run({"SET default_transaction_read_only = on",
                "SET statement_timeout = '9s'"});
      return own;
    })};
}

} // namespace handoff
