#include "journal/postgres/postgres_journal.hpp"

#include "job/json_text.hpp"
#include "journal/job_codec.hpp"
#include "journal/postgres/reader.hpp"
#include "journal/postgres/schema.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>

namespace handoff {
namespace {

using postgres::column;
using postgres::failure;
using postgres::guarded;
using postgres::job_of;
using postgres::parameters;
using postgres::statement;
using postgres::uuid_of;

const std::array statements{
  statement{"keys_claim",
            "INSERT INTO idempotency_keys (flow, key, job, fingerprint, "
            "expires) SELECT * FROM unnest($1::text[], $2::bytea[], "
            "$3::uuid[], $4::bytea[], $5::int8[]) AS u(flow, key, job, "
            "fingerprint, expires) ORDER BY u.flow, u.key "
            "ON CONFLICT (flow, key) DO UPDATE SET job = excluded.job, "
            "fingerprint = excluded.fingerprint, expires = excluded.expires"},
  statement{"keys_release",
            "DELETE FROM idempotency_keys k USING unnest($1::text[], "
            "$2::bytea[], $3::uuid[]) AS u(flow, key, job) WHERE "
            "k.flow = u.flow AND k.key = u.key AND k.job = u.job"},
  statement{"definitions",
            "INSERT INTO flow_definitions SELECT * FROM unnest($1::text[], "
            "$2::bytea[]) ON CONFLICT (version) DO NOTHING"},
  statement{"jobs_new",
            "INSERT INTO jobs (id, flow, received, status, problem, uid, "
            "uid_number, finished, calling_back, owner) SELECT * FROM "
            "unnest($1::uuid[], $2::text[], $3::int8[], $4::int2[], "
            "$5::int2[], $6::bytea[], $7::bool[], $8::int8[], $9::bool[], "
            "$10::int8[])"},
  statement{"jobs_changed",
            "UPDATE jobs j SET status = u.status, problem = u.problem, "
            "uid = u.uid, uid_number = u.number, finished = u.finished, "
            "calling_back = u.calling, owner = CASE WHEN u.owner IS NULL THEN "
            "NULL WHEN j.owner IS NULL THEN u.owner ELSE j.owner END "
            "FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::bytea[], "
            "$5::bool[], $6::int8[], $7::bool[], $8::int8[]) AS u(id, status, "
            "problem, uid, number, finished, calling, owner) "
            "WHERE j.id = u.id"},
  statement{"events_new",
            "INSERT INTO events (job, row, payload) SELECT * FROM "
            "unnest($1::uuid[], $2::int4[], $3::bytea[])"},
  statement{"fence", "SELECT 1 / count(*) FROM (SELECT 1 FROM nodes WHERE "
                     "no = $1::int8 AND session = $2::int8 AND state < 3 FOR "
                     "KEY SHARE) held"},
  statement{"acquire",
            "WITH found AS MATERIALIZED (SELECT id FROM jobs WHERE owner IS "
            "NOT NULL AND owner <> $1::int8 AND (owner = 0 OR owner IN "
            "(SELECT no FROM nodes WHERE state >= 3)) AND ($3::uuid IS NULL "
            "OR id = $3) AND ($3 IS NOT NULL OR id <> ALL ($4::uuid[])) "
            "ORDER BY id DESC LIMIT $2::int8 FOR UPDATE SKIP LOCKED) "
            "UPDATE jobs j SET owner = $1 FROM found WHERE j.id = found.id "
            "RETURNING j.id"},
  statement{"release",
            "UPDATE jobs SET owner = 0 WHERE owner = $1::int8 AND id "
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
            "expires LIMIT $2::int8)"},
  statement{"order_post", "INSERT INTO orders (node, job, command) VALUES "
                          "($1::int8, $2::uuid, $3::bytea) RETURNING no"},
  statement{"orders_take",
            "UPDATE orders SET taken = true WHERE node = $1::int8 AND NOT "
            "taken RETURNING no, job, command"},
  statement{"order_answer",
            "UPDATE orders SET answer = $3::bytea WHERE no = $1::int8 AND "
            "node = $2::int8 AND taken AND answer IS NULL"},
  statement{"answer_take", "DELETE FROM orders WHERE no = $1::int8 AND answer "
                           "IS NOT NULL RETURNING answer"},
  statement{"order_withdraw",
            "DELETE FROM orders WHERE no = $1::int8 RETURNING NOT taken"},
  statement{"enter", "INSERT INTO nodes (state, writer) VALUES (1, "
                     "pg_backend_pid()) RETURNING no"},
  // FOR UPDATE first: a plain update does not exclude the fence's lock.
  statement{"fence_others",
            "WITH others AS MATERIALIZED (SELECT no FROM nodes WHERE no <> "
            "$1::int8 AND state < 3 FOR UPDATE) UPDATE nodes n SET state = 3, "
            "ended = clock_timestamp() FROM others WHERE n.no = others.no"},
  statement{"leave", "UPDATE nodes SET state = 3, ended = clock_timestamp() "
                     "WHERE no = $1::int8 AND state < 3"},
  // Waits for what an earlier connection has under way; what that one sent
  // besides fails at the fence.
  statement{"session",
            "WITH mine AS MATERIALIZED (SELECT no FROM nodes WHERE no = "
            "$1::int8 FOR UPDATE) UPDATE nodes n SET session = session + 1, "
            "writer = pg_backend_pid() FROM mine WHERE n.no = mine.no "
            "RETURNING n.session"},
};

const statement& named(std::string_view name) {
  return *std::find_if(
    statements.begin(), statements.end(),
    [&](const statement& each) { return each.name == name; });
}

error unavailable(std::string why) {
  return {error_kind::journal_unavailable, std::move(why)};
}

/// What is kept in the columns of a job's row.
struct job_columns {
  column id{postgres::uuid_type};
  column status{postgres::int2_type};
  column problem{postgres::int2_type};
  column uid{postgres::bytea_type};
  column is_number{postgres::bool_type};
  column finished{postgres::int8_type};
  column calling_back{postgres::bool_type};
  column owner{postgres::int8_type};

  void add(const known_job& each, journal_owner by) {
    const auto row = each.row();
    id.bytes(uuid_of(each.record.id).value());
    const auto code = static_cast<std::int16_t>(row.status);
    status.small(code);
    if (code >= 4)
      problem.small(code);
    else
      problem.null();
    const auto& known = each.record.clone.uid;
    if (known.is_null())
      uid.null();
    else if (known.is_string())
      uid.bytes(known.get_ref<const std::string&>());
    else
      uid.bytes(json_text(known));
    is_number.boolean(!known.is_null() && !known.is_string());
    if (row.finished)
      finished.big(*row.finished);
    else
      finished.null();
    calling_back.boolean(row.calling_back);
    if (is_unfinished(row))
      owner.big(by.number);
    else
      owner.null();
  }

  void add_to(parameters& to) const {
    for (const auto* each : {&status, &problem, &uid, &is_number, &finished,
                             &calling_back, &owner})
      each->add_to(to);
  }
};

} // namespace

std::optional<error> validate(const postgres_journal_options& options) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (options.uri.empty())
    return error{error_kind::invalid_request, "uri: is empty"};
  if (options.schema.empty()
      || !std::all_of(options.schema.begin(), options.schema.end(), is_plain))
    return error{error_kind::invalid_request,
                 "schema: must consist of a-z, 0-9 and _"};
  return std::nullopt;
}

class postgres_journal::state final : public stored_jobs {
public:
  explicit state(postgres_journal_options given) : options{std::move(given)} {
    known_jobs_options remembered;
    remembered.remembered_max = options.remembered_jobs_max;
    remembered.row_bytes_max = options.row_bytes_max;
    known = std::make_unique<known_jobs>(*this, remembered);
  }

  std::optional<stored_job> load(std::string_view id) override {
    return reads->load(id);
  }

  std::optional<key_holder> holder_of(std::string_view flow,
                                      std::string_view key,
                                      wall_time now) override {
    auto held = reads->find_key(flow, key, now);
    if (const auto* failed = std::get_if<error>(&held))
      throw failure{failed->detail, {}, false};
    return std::get<std::optional<key_holder>>(std::move(held));
  }

  std::shared_ptr<postgres::connection> connect() const {
    auto made =
      std::make_shared<postgres::connection>(options.uri, options.patience);
    postgres::prepare_session(*made, options.schema);
    return made;
  }

  void open();
  void expect_connection();
  void add_fence();
  std::vector<batch_outcome>
  commit(std::span<const std::span<const job_event>> batches);
  std::vector<batch_outcome>
  try_commit(std::span<const std::span<const job_event>> batches);
  void store();

  /// Runs `action` with a connection; a connection that is lost is given up.
  template <class Action>
  auto with_connection(Action&& action)
    -> result<std::invoke_result_t<Action>> {
    const std::scoped_lock lock{mutex};
    try {
      expect_connection();
      return std::forward<Action>(action)();
    } catch (const failure& caught) {
      known->forget_all();
      if (caught.is_lost)
        on.reset();
      return unavailable(caught.what());
    }
  }

  postgres_journal_options options;
  std::mutex mutex;
  std::shared_ptr<postgres::connection> on;
  std::unique_ptr<postgres::reader> reads;
  std::unique_ptr<known_jobs> known;
  journal_owner owner;
  std::int64_t session = 1;
  std::set<std::string, std::less<>> held_back;
};

void postgres_journal::state::open() {
  on = connect();
  postgres::expect_fit(*on);
  postgres::migrate(*on, options.schema);
  on->prepare(statements);
  reads = std::make_unique<postgres::reader>(on);
  owner = {on->query(named("enter"), {}).integer(0, 0)};
  on->query(named("fence_others"), parameters{}.integer(owner.number));
}

void postgres_journal::state::expect_connection() {
  if (on)
    return;
  auto made = connect();
  made->prepare(statements);
  const auto raised =
    made->query(named("session"), parameters{}.integer(owner.number));
  if (raised.count() == 1)
    session = raised.integer(0, 0);
  reads = std::make_unique<postgres::reader>(made);
  on = std::move(made);
}

void postgres_journal::state::add_fence() {
  on->add(named("fence"), parameters{}.integer(owner.number).integer(session));
}

void postgres_journal::state::store() {
  column claim_flow{postgres::text_type}, claim_key{postgres::bytea_type},
    claim_job{postgres::uuid_type}, fingerprint{postgres::bytea_type},
    expires{postgres::int8_type};
  column freed_flow{postgres::text_type}, freed_key{postgres::bytea_type},
    freed_job{postgres::uuid_type};
  // A statement writes a key once: of several changes, the last counts.
  std::map<std::pair<std::string, std::string>, const key_change*> last;
  for (const auto& each : known->keys())
    last[{each.flow, each.claim.key}] = &each;
  for (const auto& [name, change] : last) {
    const auto job = uuid_of(change->job).value();
    if (change->is_claim) {
      claim_flow.bytes(change->flow);
      claim_key.bytes(change->claim.key);
      claim_job.bytes(job);
      fingerprint.bytes(change->claim.fingerprint);
      expires.big(ms_since_1970(change->claim.expires));
    } else {
      freed_flow.bytes(change->flow);
      freed_key.bytes(change->claim.key);
      freed_job.bytes(job);
    }
  }
  const auto add = [&](const char* name,
                       std::initializer_list<const column*> columns) {
    if ((*columns.begin())->empty())
      return;
    parameters given;
    for (const auto* each : columns)
      each->add_to(given);
    on->add(named(name), given);
  };
  add("keys_release", {&freed_flow, &freed_key, &freed_job});
  add("keys_claim",
      {&claim_flow, &claim_key, &claim_job, &fingerprint, &expires});
  column version{postgres::text_type}, definition{postgres::bytea_type};
  for (const auto& each : known->definitions()) {
    const auto bytes = nlohmann::json::to_cbor(*each.definition);
    version.bytes(each.version);
    definition.bytes(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  add("definitions", {&version, &definition});
  job_columns made, changed;
  column flow{postgres::text_type}, received{postgres::int8_type};
  column job{postgres::uuid_type}, row{postgres::int4_type},
    payload{postgres::bytea_type};
  for (auto* const each : known->touched()) {
    if (!each->stored) {
      made.add(*each, owner);
      flow.bytes(each->record.flow);
      received.big(ms_since_1970(each->record.hook.received));
    } else if (*each->stored != each->row()) {
      changed.add(*each, owner);
    }
    const auto bytes = wrap(each->event_count, each->events);
    job.bytes(uuid_of(each->record.id).value());
    row.integer(static_cast<std::int32_t>(each->rows++));
    payload.bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (!made.id.empty()) {
    parameters given;
    for (const auto* each : {&made.id, &flow, &received})
      each->add_to(given);
    made.add_to(given);
    on->add(named("jobs_new"), given);
  }
  if (!changed.id.empty()) {
    parameters given;
    changed.id.add_to(given);
    changed.add_to(given);
    on->add(named("jobs_changed"), given);
  }
  add("events_new", {&job, &row, &payload});
  // Last, so that a client that is paused never holds the row that whoever
  // declares this owner dead needs.
  add_fence();
  on->sync();
}

std::vector<batch_outcome> postgres_journal::state::commit(
  std::span<const std::span<const job_event>> batches) {
  std::vector<batch_outcome> outcomes;
  outcomes.reserve(batches.size());
  expect_connection();
  for (const auto& events : batches)
    outcomes.push_back(known->add(events));
  store();
  known->committed();
  return outcomes;
}

std::vector<batch_outcome> postgres_journal::state::try_commit(
  std::span<const std::span<const job_event>> batches) {
  const auto all = [&](commit_status status, const char* why) {
    known->forget_all();
    return std::vector(batches.size(),
                       batch_outcome{status, unavailable(why), {}});
  };
  try {
    try {
      return commit(batches);
    } catch (const failure& why) {
      // What is remembered is not what is stored: it is read again, once.
      if (why.sql_state != "23505")
        throw;
      known->forget_all();
      return commit(batches);
    }
  } catch (const failure& why) {
    if (why.is_lost) {
      on.reset();
      return all(commit_status::unknown, why.what());
    }
    if (why.sql_state == "22012")
      return all(commit_status::fenced,
                 "another process has taken over this journal; this one has to "
                 "stop");
    const bool is_of_batch = why.sql_state.starts_with("22")
                          || why.sql_state.starts_with("23")
                          || why.sql_state.starts_with("54");
    return all(is_of_batch ? commit_status::rejected
                           : commit_status::unavailable,
               why.what());
  } catch (const std::bad_alloc&) {
    return all(commit_status::unavailable,
               "there is no memory left; trying again may help");
  } catch (const std::exception& why) {
    return all(commit_status::rejected, why.what());
  }
}

postgres_journal::postgres_journal(std::unique_ptr<state> kept)
    : state_{std::move(kept)} {}

postgres_journal::~postgres_journal() {
  // An orderly end: whoever comes next need not wait.
  state_->with_connection([&] {
    state_->on->query(named("leave"),
                      parameters{}.integer(state_->owner.number));
    return true;
  });
}

result<std::unique_ptr<postgres_journal>>
postgres_journal::open(postgres_journal_options options) {
  if (auto wrong = validate(options))
    return *std::move(wrong);
  return guarded([&] {
    auto kept = std::make_unique<state>(std::move(options));
    kept->open();
    return std::unique_ptr<postgres_journal>{
      new postgres_journal{std::move(kept)}};
  });
}

journal_owner postgres_journal::owner() const {
  return state_->owner;
}

std::vector<batch_outcome> postgres_journal::commit_all(
  std::span<const std::span<const job_event>> batches) {
  if (std::all_of(batches.begin(), batches.end(),
                  [](const auto& each) { return each.empty(); }))
    return std::vector<batch_outcome>(batches.size());
  const std::scoped_lock lock{state_->mutex};
  auto outcomes = state_->try_commit(batches);
  if (batches.size() == 1 || outcomes.front().status != commit_status::rejected)
    return outcomes;
  // Each by itself, to find those that keep the others from it.
  outcomes.clear();
  for (std::size_t n = 0; n < batches.size(); ++n)
    outcomes.push_back(state_->try_commit(batches.subspan(n, 1)).front());
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
    state_->on->add(named("acquire"), given);
    state_->add_fence();
    const auto found = state_->on->sync().front();
    for (int row = 0; row < found.count(); ++row) {
      const auto id = job_of(found.bytes(row, 0));
      state_->held_back.erase(id);
      // Another owner may have written it since.
      state_->known->forget(id);
      if (auto known = state_->load(id))
        taken.push_back(std::move(known->record));
    }
    std::sort(
      taken.begin(), taken.end(),
      [](const job& left, const job& right) { return left.id > right.id; });
    return taken;
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
    const auto freed = state_->on->query(named("release"), given);
    for (int row = 0; row < freed.count(); ++row) {
      const auto id = job_of(freed.bytes(row, 0));
      state_->known->forget(id);
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
      state_->on->query(named("owner_of"), parameters{}.bytes(*bits));
    if (found.count() == 0)
      return std::nullopt;
    return journal_owner{found.integer(0, 0)};
  });
}

result<std::int64_t> postgres_journal::post_order(journal_owner to,
                                                  std::string_view job,
                                                  std::string_view command) {
  return state_->with_connection([&] {
    return state_->on
      ->query(named("order_post"),
              parameters{}
                .integer(to.number)
                .bytes(uuid_of(job).value_or(std::string(16, '\0')))
                .bytes(command))
      .integer(0, 0);
  });
}

result<std::vector<posted_order>> postgres_journal::take_orders() {
  return state_->with_connection([&] {
    const auto found = state_->on->query(
      named("orders_take"), parameters{}.integer(state_->owner.number));
    std::vector<posted_order> orders;
    for (int row = 0; row < found.count(); ++row)
      orders.push_back({found.integer(row, 0), job_of(found.bytes(row, 1)),
                        std::string{found.bytes(row, 2)}});
    std::sort(orders.begin(), orders.end(),
              [](const posted_order& left, const posted_order& right) {
                return left.number < right.number;
              });
    return orders;
  });
}

std::optional<error> postgres_journal::answer_order(std::int64_t number,
                                                    std::string_view answer) {
  const auto done = state_->with_connection([&] {
    state_->on->query(
      named("order_answer"),
      parameters{}.integer(number).integer(state_->owner.number).bytes(answer));
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<std::string>>
postgres_journal::take_answer(std::int64_t number) {
  return state_->with_connection([&]() -> std::optional<std::string> {
    const auto found =
      state_->on->query(named("answer_take"), parameters{}.integer(number));
    if (found.count() == 0)
      return std::nullopt;
    return std::string{found.bytes(0, 0)};
  });
}

result<bool> postgres_journal::withdraw_order(std::int64_t number) {
  return state_->with_connection([&] {
    const auto found =
      state_->on->query(named("order_withdraw"), parameters{}.integer(number));
    return found.count() == 1 && found.integer(0, 0) != 0;
  });
}

std::optional<error> postgres_journal::check() {
  const auto done = state_->with_connection([&] {
    state_->add_fence();
    state_->on->sync();
    return true;
  });
  const auto* failed = std::get_if<error>(&done);
  return failed != nullptr ? std::optional{*failed} : std::nullopt;
}

result<std::optional<job>> postgres_journal::find(std::string_view id) {
  return state_->with_connection([&]() -> std::optional<job> {
    auto found = state_->load(id);
    if (!found)
      return std::nullopt;
    return std::move(found->record);
  });
}

namespace {

/// The value of a reader's answer; its error as a failure.
template <class T>
T value_of(result<T> given) {
  if (const auto* failed = std::get_if<error>(&given))
    throw failure{failed->detail, {}, false};
  return std::get<T>(std::move(given));
}

} // namespace

result<job_page> postgres_journal::list(const job_query& query) {
  return state_->with_connection(
    [&] { return value_of(state_->reads->list(query)); });
}

result<std::vector<job>> postgres_journal::unfinished(std::string_view before,
                                                      std::size_t limit) {
  return state_->with_connection(
    [&] { return value_of(state_->reads->unfinished(before, limit)); });
}

result<std::uint64_t> postgres_journal::count_unfinished() {
  return state_->with_connection(
    [&] { return value_of(state_->reads->count_unfinished()); });
}

result<std::optional<key_holder>>
postgres_journal::find_key(std::string_view flow, std::string_view key,
                           wall_time now) {
  return state_->with_connection(
    [&] { return value_of(state_->reads->find_key(flow, key, now)); });
}

result<std::optional<nlohmann::json>>
postgres_journal::flow_definition(std::string_view version) {
  return state_->with_connection(
    [&] { return value_of(state_->reads->flow_definition(version)); });
}

result<std::size_t> postgres_journal::prune(wall_time before, wall_time now,
                                            std::size_t limit) {
  return state_->with_connection([&] {
    const auto at_most = static_cast<std::int64_t>(limit);
    state_->on->add(
      named("prune"),
      parameters{}.integer(ms_since_1970(before)).integer(at_most));
    state_->on->add(named("keys_prune"),
                    parameters{}.integer(ms_since_1970(now)).integer(at_most));
    state_->add_fence();
    const auto old = state_->on->sync().front();
    for (int row = 0; row < old.count(); ++row)
      state_->known->forget(job_of(old.bytes(row, 0)));
    return static_cast<std::size_t>(old.count());
  });
}

result<std::uint64_t> postgres_journal::bytes() {
  return state_->with_connection(
    [&] { return value_of(state_->reads->bytes()); });
}

result<bool> postgres_journal::maintain() {
  return false;
}

result<std::unique_ptr<journal_reader>> postgres_journal::open_reader() {
  return guarded([&]() -> std::unique_ptr<journal_reader> {
    auto own = state_->connect();
    own->run({"SET default_transaction_read_only = on",
              "SET statement_timeout = '10s'"});
    return std::make_unique<postgres::reader>(std::move(own));
  });
}

} // namespace handoff
